internal import Glibc

/// The process's standard streams, unbuffered: what was written is there, also when the process dies next.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Writes all of the text, as one write where the system takes it whole. A closed stream swallows it.
    package func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(rawValue, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
