internal import Glibc
package import SluiceCore
package import SluiceSystem

/// A document's bytes: an open regular file. Closed when the last reference goes.
package final class SourceFile: Sendable {
    package let path: String
    /// Open for reading; its position is neither used nor changed.
    package let descriptor: Int32
    /// Size in bytes when it was opened.
    package let byteCount: Int

    /// Opens the file of a `file://` URI.
    ///
    /// - Throws: `TaskFailure` that says what is wrong with the source: `source.unsupported`, `source.missing`,
    ///   `source.forbidden`, `source.not_a_file`.
    package static func open(uri: String) throws(TaskFailure) -> SourceFile {
        guard let path = path(ofURI: uri) else {
            throw TaskFailure(
                errorClass: "source.unsupported",
                message: "the source is no file:// URI; only files that the worker can open are read"
            )
        }
        // O_NONBLOCK: a FIFO without a writer would hold the worker up.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let code = errno
            let errorClass =
                switch code {
                case ENOENT, ENOTDIR: "source.missing"
                case EACCES, EPERM: "source.forbidden"
                default: "source.unreadable"
                }
            throw TaskFailure(
                errorClass: errorClass,
                message:
                    "the file cannot be opened by this worker (\(String(cString: strerror(code)))); check that it is "
                    + "there on every worker's host, under the same path"
            )
        }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw TaskFailure(errorClass: "source.not_a_file", message: "the source is not a regular file")
        }
        return SourceFile(path: path, descriptor: descriptor, byteCount: Int(facts.st_size))
    }

    private init(path: String, descriptor: Int32, byteCount: Int) {
        self.path = path
        self.descriptor = descriptor
        self.byteCount = byteCount
    }

    deinit { close(descriptor) }

    /// SHA-256 of the whole file. Blocks: call it on a thread of its own.
    package func digest() throws(TaskFailure) -> SHA256Digest {
        var hasher = SHA256Hasher()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset = 0
        while true {
            let count = pread(descriptor, &buffer, buffer.count, offset)
            if count == 0 { return hasher.finish() }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw TaskFailure(
                    errorClass: "source.unreadable",
                    message: "reading the file failed (\(String(cString: strerror(errno))))"
                )
            }
            buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += count
        }
    }

    /// The path of a `file://` URI with `%XX` decoded; an absolute path stands for itself. Nil for anything else.
    package static func path(ofURI uri: String) -> String? {
        if uri.hasPrefix("/") { return uri }
        guard uri.hasPrefix("file:///") else { return nil }
        var bytes: [UInt8] = []
        var rest = uri.utf8.dropFirst(7)
        while let byte = rest.first {
            rest = rest.dropFirst()
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimalValue),
                let low = rest.popFirst().flatMap(hexadecimalValue),
                high | low != 0
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexadecimalValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
