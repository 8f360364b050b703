import Glibc
import SluiceSystem
import Synchronization

/// A small HTTP/1.1 server on a loopback port: answers each request with what `answer` gives for its head and body.
final class HTTPListener: Sendable {
    struct Reply: Sendable {
        var status = 200
        var headers: [String] = []
        var body = ""
        /// Sends nothing at all, and keeps the connection open.
        var isSilent = false
    }

    let port: UInt16
    private let descriptor: Int32
    private let silent = Mutex<[Int32]>([])

    struct Unusable: Error {}

    init(_ answer: @escaping @Sendable (_ head: String, _ body: String) -> Reply) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard descriptor >= 0, bound else { throw Unusable() }
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
        PinnedThread.detach(name: "test-http") { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                guard let self else {
                    close(connection)
                    return
                }
                self.serve(connection, answer)
            }
        }
    }

    deinit {
        for connection in silent.withLock(\.self) { close(connection) }
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    var address: String { "http://127.0.0.1:\(port)" }

    private func serve(_ connection: Int32, _ answer: (String, String) -> Reply) {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let gap = Array("\r\n\r\n".utf8)
        while true {
            let text = String(decoding: received, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = String(text[..<end.lowerBound])
                let wanted =
                    head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst("content-length:".count).drop { $0 == " " }) } ?? 0
                let headBytes = head.utf8.count + gap.count
                if received.count >= headBytes + wanted {
                    let body = String(decoding: received[headBytes..<headBytes + wanted], as: UTF8.self)
                    return reply(connection, answer(head, body))
                }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else {
                close(connection)
                return
            }
            received += buffer.prefix(count)
        }
    }

    private func reply(_ connection: Int32, _ reply: Reply) {
        if reply.isSilent { return silent.withLock { $0.append(connection) } }
        let lines =
            ["HTTP/1.1 \(reply.status) Something", "Content-Length: \(reply.body.utf8.count)", "Connection: close"]
            + reply.headers
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + reply.body).utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { break }
            sent += count
        }
        close(connection)
    }
}

extension String {
    fileprivate func range(of needle: String) -> Range<String.Index>? {
        var start = utf8.startIndex
        while start != utf8.endIndex {
            if utf8[start...].starts(with: needle.utf8) {
                return start..<utf8.index(start, offsetBy: needle.utf8.count)
            }
            start = utf8.index(after: start)
        }
        return nil
    }
}
