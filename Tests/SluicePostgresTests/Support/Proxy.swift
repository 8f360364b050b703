import Glibc
import SluiceSystem
import Synchronization

/// A TCP port before a server that can fall silent, as a cut network does: nothing arrives, nothing is refused.
///
/// Its threads end with the process or when both sides of a connection close.
final class Proxy: Sendable {
    private let listener: Int32
    let port: Int
    private let target: Int
    /// How many times something arrived from a client.
    private let arrivals = Atomic<Int>(0)
    private let isSilent = Atomic<Bool>(false)
    private let isRefusing = Atomic<Bool>(false)

    struct Failed: Error {}

    /// - Parameter target: the port on the loopback address that it stands before.
    init(target: Int) throws {
        self.target = target
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = Self.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard bound else { throw Failed() }
        port = Int(UInt16(bigEndian: address.sin_port))
        PinnedThread.detach(name: "proxy") { [self] in
            while case let client = accept(listener, nil, nil), client >= 0 { serve(client) }
        }
    }

    /// How many times something arrived from a client: for small requests, each answered before the next, the round trips.
    var arrivalCount: Int { arrivals.load(ordering: .sequentiallyConsistent) }

    /// From now on nothing gets through, in either direction, new connections included.
    func fallSilent() { isSilent.store(true, ordering: .sequentiallyConsistent) }

    /// Whether new connections are refused with the words of a server that is full.
    func refuse(_ refuses: Bool) { isRefusing.store(refuses, ordering: .sequentiallyConsistent) }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func serve(_ client: Int32) {
        if isSilent.load(ordering: .sequentiallyConsistent) { return }
        if isRefusing.load(ordering: .sequentiallyConsistent) {
            refuse(client)
            return
        }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(port: target)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else {
            close(client)
            return
        }
        PinnedThread.detach(name: "proxy-up") { self.pump(client, server, counts: true) }
        PinnedThread.detach(name: "proxy-down") { self.pump(server, client, counts: false) }
    }

    /// Reads the start-up message and answers as PostgreSQL does. Source: "Message Formats", ErrorResponse.
    private func refuse(_ client: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        _ = read(client, &buffer, buffer.count)
        let fields = Array("SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0".utf8)
        let message = [UInt8(ascii: "E"), 0, 0, 0, UInt8(fields.count + 4)] + fields
        _ = message.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        close(client)
    }

    private func pump(_ from: Int32, _ to: Int32, counts: Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(from, &buffer, buffer.count)
            if counts, count > 0 { arrivals.add(1, ordering: .sequentiallyConsistent) }
            if isSilent.load(ordering: .sequentiallyConsistent) { return }
            if count <= 0 {
                shutdown(to, Int32(SHUT_RDWR))
                return
            }
            var sent = 0
            while sent < count {
                let written = buffer[sent..<count].withUnsafeBytes {
                    send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if written <= 0 { return }
                sent += written
            }
        }
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
