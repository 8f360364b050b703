internal import CLinux

#if canImport(Glibc)
    internal import Glibc
#endif

/// A file descriptor that is closed when its last owner goes.
package final class OwnedDescriptor: Sendable {
    package let raw: Int32

    /// Takes ownership of `raw`.
    package init(adopting raw: Int32) { self.raw = raw }

    deinit { close(raw) }

    /// Opens a file for reading, close-on-exec. Never waits for a pipe's other end; may wait for a slow disk.
    package static func open(reading path: String) throws(SystemCallError) -> OwnedDescriptor {
        let raw = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard raw >= 0 else { throw SystemCallError("open", code: errno) }
        return OwnedDescriptor(adopting: raw)
    }

    /// An empty file in memory, close-on-exec.
    package static func inMemory(name: String) throws(SystemCallError) -> OwnedDescriptor {
        let raw = sluice_memory_file(name)
        guard raw >= 0 else { throw SystemCallError("memfd_create", code: errno) }
        return OwnedDescriptor(adopting: raw)
    }

    /// A second descriptor of the same open file, close-on-exec.
    package static func duplicate(of raw: Int32) throws(SystemCallError) -> OwnedDescriptor {
        let copy = fcntl(raw, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw SystemCallError("fcntl", code: errno) }
        return OwnedDescriptor(adopting: copy)
    }

    /// The size in bytes of a regular file; nil for anything else.
    package func regularFileSize() throws(SystemCallError) -> Int? {
        var status = stat()
        guard fstat(raw, &status) == 0 else { throw SystemCallError("fstat", code: errno) }
        return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    /// The first bytes of the file as text, whatever the descriptor's position; empty when it cannot be read.
    package func beginning(limit: Int) -> String {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = pread(raw, &bytes, limit, 0)
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }
}
