internal import Glibc
internal import Synchronization

/// A Redis server of a test's own, which it may stop, freeze, flush and fill. It keeps nothing on disk.
///
/// A watchdog process ends it when the test process ends, however that happens.
package final class RedisServerProcess: Sendable {
    package let port: Int
    /// Holds the server's Unix socket.
    package let folder: String
    private let arguments: [String]
    private let running = Mutex<Running?>(nil)

    private struct Running {
        let server: pid_t
        let watchdog: pid_t
        /// Closing it makes the watchdog kill the server.
        let leash: Int32
    }

    package struct CannotStart: Error, CustomStringConvertible {
        package let description: String
    }

    /// Starts a server on a free port.
    package init(_ arguments: [String] = []) async throws {
        var template = Array("/tmp/sluice-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CannotStart(description: "no temporary folder") }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        self.arguments = arguments
        port = try Self.freePort()
        try await start()
    }

    deinit {
        guard let running = running.withLock({ $0 }) else { return }
        close(running.leash)
        waitpid(running.server, nil, 0)
        waitpid(running.watchdog, nil, 0)
    }

    package var url: String { "redis://127.0.0.1:\(port)/0" }
    package var socketPath: String { folder + "/redis.sock" }

    /// Starts it again, empty, on the same port.
    package func start() async throws {
        mkdir(folder, 0o700)
        let server = try spawn(
            [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", socketPath, "--save", "",
                "--appendonly", "no", "--dir", folder, "--logfile", folder + "/log",
            ] + arguments,
            input: nil
        )
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw CannotStart(description: "no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let command = "cat >/dev/null; kill -9 \(server); rm -rf '\(folder)'"
        let watchdog = try spawn(["sh", "-c", command], input: ends[0])
        close(ends[0])
        running.withLock { $0 = Running(server: server, watchdog: watchdog, leash: ends[1]) }
        try await eventually("redis-server listens on its port") { self.isListening() }
    }

    /// Kills it as a crash would, and waits for its end.
    package func kill() async throws {
        guard let running = running.withLock({ $0.take() }) else { return }
        close(running.leash)
        for child in [running.server, running.watchdog] {
            try await eventually("process \(child) ended") { waitpid(child, nil, WNOHANG) != 0 }
        }
    }

    /// Freezes it: connections stand, nothing answers.
    package func freeze() { running.withLock { if let running = $0 { Glibc.kill(running.server, SIGSTOP) } } }
    package func thaw() { running.withLock { if let running = $0 { Glibc.kill(running.server, SIGCONT) } } }

    private func isListening() -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        return Self.withLocalAddress(port: port) { connect(descriptor, $0, $1) } == 0
    }

    private func spawn(_ command: [String], input: Int32?) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input { posix_spawn_file_actions_adddup2(&actions, input, 0) }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var words = command.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var child = pid_t()
        let status = posix_spawnp(&child, command[0], &actions, nil, &words, environ)
        guard status == 0 else { throw CannotStart(description: "\(command[0]): error \(status)") }
        return child
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        guard withLocalAddress(port: 0, { bind(descriptor, $0, $1) }) == 0 else {
            throw CannotStart(description: "no free port")
        }
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func withLocalAddress(
        port: Int,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

/// Runs `body` with a Redis server of its own, which is gone afterwards.
package func withRedisServer<Value: Sendable>(
    _ arguments: [String] = [],
    _ body: (RedisServerProcess) async throws -> Value
) async throws -> Value {
    let server = try await RedisServerProcess(arguments)
    let result: Result<Value, any Error>
    do { result = .success(try await body(server)) } catch { result = .failure(error) }
    try await server.kill()
    return try result.get()
}
