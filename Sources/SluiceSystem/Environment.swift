internal import CLinux
internal import Glibc

/// The process's environment and the places that derive from it.
package enum Environment {
    /// The value of an environment variable; nil when unset or empty.
    package static func value(_ name: String) -> String? {
        guard let raw = getenv(name) else { return nil }
        let value = String(cString: raw)
        return value.isEmpty ? nil : value
    }

    /// The running executable's absolute path with symbolic links resolved.
    package static func executablePath() -> String? {
        guard let raw = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(raw) }
        return String(cString: raw)
    }

    /// `$SLUICE_HOME`, else the nearest `.sluice` folder beside the executable or above it; nil when there is none.
    package static func home() -> String? {
        if let home = value("SLUICE_HOME") { return home }
        guard var folder = executablePath() else { return nil }
        while let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
            folder = String(folder[..<slash])
            if isDirectory(folder + "/.sluice") { return folder + "/.sluice" }
        }
        return nil
    }

    package static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    package static func isReadableFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, R_OK) == 0
    }

    /// Ignores SIGPIPE: a closed peer must be an error of one call, not the end of the process.
    ///
    /// The first thing every executable does; hiredis writes with `write(2)`.
    package static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}

extension Environment {
    /// All variables of the process; a variable that is not UTF-8 is repaired, not dropped.
    package static func all() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let raw = entry.pointee {
            let text = String(cString: raw)
            if let equals = text.firstIndex(of: "=") {
                result[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry += 1
        }
        return result
    }

    /// The content of a small text file, at most 1 MiB; nil when it cannot be read.
    package static func textFile(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The machine's name; `localhost` when it has none.
    package static func hostName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
        return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    package static func processID() -> Int32 { getpid() }

    /// Resident memory of this process in bytes; 0 when /proc cannot be read.
    package static func residentBytes() -> Int {
        guard let statm = textFile("/proc/self/statm") else { return 0 }
        let pages = statm.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(getpagesize())
    }

    package static func coreCount() -> Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
}
