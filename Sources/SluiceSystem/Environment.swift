#if canImport(Glibc)
    internal import Glibc
#endif

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
