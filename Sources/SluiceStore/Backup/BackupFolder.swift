internal import Glibc
internal import SluiceCore
internal import SluiceSystem

/// The folder of one backup, and those beside it. Calls block on the disk: run them on a thread of their own.
enum BackupFolder {
    static let dump = "sluice.dump"
    static let manifest = "manifest.json"
    private static let partial = ".partial-"

    /// Makes the folder in which a backup is written; its name tells that it is not whole. Folders of backups that were cut off
    /// more than a day ago go.
    static func begin(_ name: String, in directory: String) throws -> String {
        guard Environment.isDirectory(directory) else {
            throw TaskFailure(errorClass: "backup.folder", message: "the folder for backups is not there, or is none")
        }
        for entry in entries(of: directory) where entry.hasPrefix(partial) {
            var status = stat()
            let path = directory + "/" + entry
            if stat(path, &status) == 0, time(nil) - status.st_mtim.tv_sec > 86_400 { remove(path) }
        }
        let path = "\(directory)/\(partial)\(name)"
        remove(path)
        guard mkdir(path, 0o700) == 0 else { throw failure("cannot be made") }
        return path
    }

    /// Gives a whole backup its name. Returns its path.
    static func finish(_ partial: String, as name: String, in directory: String) throws -> String {
        let path = directory + "/" + name
        guard rename(partial, path) == 0 else { throw failure("cannot be given its name") }
        return path
    }

    /// Removes all but the newest `count` whole backups. Their names sort by time.
    static func keep(_ count: Int, in directory: String) {
        let whole = entries(of: directory).filter {
            $0.hasPrefix("sluice-") && Environment.isReadableFile("\(directory)/\($0)/\(manifest)")
        }
        for name in whole.sorted().dropLast(count) { remove(directory + "/" + name) }
    }

    static func remove(_ path: String) {
        for file in [dump, manifest] { unlink("\(path)/\(file)") }
        rmdir(path)
    }

    /// Written to the disk before this returns.
    static func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("does not take a file") }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw failure("does not take all of a file") }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw failure("cannot be written to the disk") }
    }

    static func digest(of path: String) throws -> (bytes: Int64, sha256: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("has no readable dump") }
        defer { close(descriptor) }
        // pg_dump does not wait for the disk.
        fsync(descriptor)
        var hasher = SHA256Hasher()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var total: Int64 = 0
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return (total, hasher.finish().bytes.hexadecimal) }
            guard count > 0 else { throw failure("has a dump that cannot be read") }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            total += Int64(count)
        }
    }

    private static func entries(of directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
            )
        }
        return names
    }

    private static func failure(_ what: String) -> TaskFailure {
        TaskFailure(
            errorClass: "backup.folder",
            message: "the folder of the backup \(what) (\(String(cString: strerror(errno))))"
        )
    }
}
