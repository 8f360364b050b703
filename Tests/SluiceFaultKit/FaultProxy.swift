internal import Glibc
internal import SluiceSystem
internal import Synchronization

/// A TCP port before a server, which can hold back what goes through, as a cut network does, or delay it.
///
/// What was held back arrives when the cut ends, late, as TCP sends it again: unless a side gave up meanwhile.
package final class FaultProxy: Sendable {
    private let listener: Int32
    private let target: Int
    package let port: Int
    private let holdsRequests = Atomic<Bool>(false)
    private let holdsReplies = Atomic<Bool>(false)
    private let delayMicroseconds = Atomic<Int>(0)

    package struct Failed: Error {}

    /// - Parameter target: the port on the loopback address that it stands before.
    package init(target: Int) throws {
        self.target = target
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = Self.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard isBound else { throw Failed() }
        port = Int(UInt16(bigEndian: address.sin_port))
        PinnedThread.detach(name: "proxy") { [self] in
            while case let client = accept(descriptor, nil, nil), client >= 0 { serve(client) }
        }
    }

    /// Cuts the network, in one direction or both.
    package func cut(requests: Bool, replies: Bool) {
        holdsRequests.store(requests, ordering: .sequentiallyConsistent)
        holdsReplies.store(replies, ordering: .sequentiallyConsistent)
    }

    package func heal() { cut(requests: false, replies: false) }

    /// What arrives from here on is passed on after this time, in each direction half of it.
    package func delay(milliseconds: Int) {
        delayMicroseconds.store(milliseconds * 500, ordering: .sequentiallyConsistent)
    }

    package func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func serve(_ client: Int32) {
        // Children must not inherit it: they would keep the connection open.
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = Self.loopback(port: target)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else {
            close(client)
            close(server)
            return
        }
        var one: Int32 = 1
        for end in [client, server] {
            setsockopt(end, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        let open = OpenEnds(client, server)
        PinnedThread.detach(name: "proxy-up") { [self] in
            pump(client, server) { self.holdsRequests.load(ordering: .relaxed) }
            open.leave()
        }
        PinnedThread.detach(name: "proxy-down") { [self] in
            pump(server, client) { self.holdsReplies.load(ordering: .relaxed) }
            open.leave()
        }
    }

    private func pump(_ from: Int32, _ to: Int32, isHeld: () -> Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(from, &buffer, buffer.count)
            let delay = delayMicroseconds.load(ordering: .relaxed)
            if delay > 0 { usleep(UInt32(delay)) }
            while isHeld() { usleep(5_000) }
            if count <= 0 {
                shutdown(to, Int32(SHUT_RDWR))
                return
            }
            var sent = 0
            while sent < count {
                let written = buffer[sent..<count].withUnsafeBytes {
                    send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if written <= 0 {
                    shutdown(from, Int32(SHUT_RDWR))
                    return
                }
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

    /// Closes both ends when both directions have ended.
    private final class OpenEnds: Sendable {
        private let ends: [Int32]
        private let left = Atomic<Int>(2)

        init(_ client: Int32, _ server: Int32) { ends = [client, server] }

        func leave() {
            if left.subtract(1, ordering: .relaxed).newValue == 0 { for end in ends { close(end) } }
        }
    }
}
