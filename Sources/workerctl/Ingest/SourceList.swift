internal import Glibc

/// The files that `ingest` was asked for.
struct SourceList {
    /// Absolute paths of regular files, each once, in the order found.
    private(set) var files: [String] = []
    /// Files in folders that are no documents by their name.
    private(set) var skipped = 0
    /// Paths that cannot be used, with the reason.
    private(set) var problems: [String] = []
    private var seen: Set<String> = []

    /// What folders are searched for. A file that is named itself is taken whatever its name.
    static let extensions: Set<String> = ["pdf", "txt", "text", "md", "markdown"]

    /// - Parameter recursive: also look into folders of folders.
    mutating func add(_ path: String, recursive: Bool) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            problems.append("\(path): \(String(cString: strerror(errno)))")
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: take(path)
        case S_IFDIR: addFolder(path, recursive: recursive)
        default: problems.append("\(path): neither a file nor a folder")
        }
    }

    private mutating func take(_ path: String) {
        guard let resolved = realpath(path, nil) else {
            problems.append("\(path): \(String(cString: strerror(errno)))")
            return
        }
        defer { free(resolved) }
        let absolute = String(cString: resolved)
        if seen.insert(absolute).inserted { files.append(absolute) }
    }

    private mutating func addFolder(_ path: String, recursive: Bool) {
        guard let folder = opendir(path) else {
            problems.append("\(path): \(String(cString: strerror(errno)))")
            return
        }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        closedir(folder)
        for name in names.sorted() {
            let child = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            var status = stat()
            // lstat: a link to a folder above would never end.
            guard lstat(child, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR where recursive: addFolder(child, recursive: true)
            case S_IFREG where Self.isDocument(name): take(child)
            case S_IFREG: skipped += 1
            default: break
            }
        }
    }

    static func isDocument(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        return extensions.contains(name[name.index(after: dot)...].lowercased())
    }

    /// The URI under which a file is known: `file://` and the absolute path, with bytes outside a safe set as `%XX`.
    static func uri(ofFile path: String) -> String {
        var result = "file://"
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case _ where "/-._~+,=@()!$'*:".utf8.contains(byte): result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}
