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

    private init(_ arguments: [String]) throws {
        var template = Array("/tmp/sluice-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CannotStart(description: "no temporary folder") }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        self.arguments = arguments
        port = try Self.freePort()
    }

    /// Starts a server on a free port.
    package static func start(_ arguments: [String] = []) async throws -> RedisServerProcess {
        // Another test may take the port between the look and the server's own attempt.
        for _ in 0..<5 {
            let server = try RedisServerProcess(arguments)
            do {
                try await server.start()
                return server
            } catch is CannotStart {
                try await server.kill()
            }
        }
        throw CannotStart(description: "redis-server does not start; is it installed?")
    }

    deinit {
        guard let running = running.withLock({ $0 }) else { return }
        Glibc.kill(running.server, SIGKILL)
        close(running.leash)
        waitpid(running.watchdog, nil, 0)
        waitpid(running.server, nil, 0)
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
        // Close-on-exec from the start: a leash that another child inherits would keep this server alive.
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw CannotStart(description: "no socket pair")
        }
        let command = "cat >/dev/null; kill -9 \(server); rm -rf '\(folder)'"
        let watchdog = try spawn(["sh", "-c", command], input: ends[0])
        close(ends[0])
        running.withLock { $0 = Running(server: server, watchdog: watchdog, leash: ends[1]) }
        // It makes its socket after it has its port, so this is not another server that was faster.
        try await eventually("redis-server answers on its socket") {
            if waitpid(server, nil, WNOHANG) != 0 {
                throw CannotStart(description: "redis-server ended at once; port \(port) taken?")
            }
            return self.isListening()
        }
    }

    /// Kills it as a crash would, and waits for its end.
    package func kill() async throws {
        guard let running = running.withLock({ $0.take() }) else { return }
        Glibc.kill(running.server, SIGKILL)
        close(running.leash)
        // The watchdog first: until the server is waited for, its number belongs to nobody else.
        for child in [running.watchdog, running.server] {
            try await eventually("process \(child) ended") { waitpid(child, nil, WNOHANG) != 0 }
        }
    }

    /// Freezes it: connections stand, nothing answers.
    package func freeze() { running.withLock { if let running = $0 { Glibc.kill(running.server, SIGSTOP) } } }
    package func thaw() { running.withLock { if let running = $0 { Glibc.kill(running.server, SIGCONT) } } }

    private func isListening() -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(socketPath.utf8)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        } == 0
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
        let status = withSpawnAttributes { posix_spawnp(&child, command[0], &actions, $0, &words, environ) }
        guard status == 0 else { throw CannotStart(description: "\(command[0]): error \(status)") }
        return child
    }

    /// Below the range from which the system takes ports for outgoing connections, so that a server that restarts finds
    /// its port free.
    private static func freePort() throws -> Int {
        for _ in 0..<1_000 {
            let port = Int.random(in: 20_000..<32_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if status == 0 { return port }
        }
        throw CannotStart(description: "no free port")
    }
}

/// Runs `body` with a Redis server of its own, which is gone afterwards.
package func withRedisServer<Value: Sendable>(
    _ arguments: [String] = [],
    _ body: (RedisServerProcess) async throws -> Value
) async throws -> Value {
    let server = try await RedisServerProcess.start(arguments)
    let result: Result<Value, any Error>
    do { result = .success(try await body(server)) } catch { result = .failure(error) }
    try await server.kill()
    return try result.get()
}
