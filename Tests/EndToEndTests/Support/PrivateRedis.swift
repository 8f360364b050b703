import Glibc
import SluiceCore
import SluiceRedis
import SluiceSystem
import SluiceTestKit

/// A Redis server of one test's own, on a free port, that may be flushed and killed.
final class PrivateRedis: Sendable {
    let port: Int
    private let scratch: String
    private let process = Locked<Executable?>(nil)

    var url: String { "redis://127.0.0.1:\(port)/0" }

    private init(port: Int, scratch: String) {
        self.port = port
        self.scratch = scratch
    }

    static func run(_ body: (PrivateRedis) async throws -> Void) async throws {
        var template = Array("/tmp/sluice-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw NeverHappened(what: "a scratch folder", waited: .zero) }
        let scratch = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let redis = PrivateRedis(port: try freePort(), scratch: scratch)
        try redis.start()
        let result: Result<Void, any Error>
        do {
            try await eventually("Redis answers") { (try? await redis.command("PING")) != nil }
            result = .success(try await body(redis))
        } catch {
            result = .failure(error)
        }
        redis.kill()
        for name in ["redis.out", "redis.err"] { unlink("\(scratch)/\(name)") }
        try result.get()
    }

    func start() throws {
        let server = try Executable(
            "/usr/bin/redis-server",
            [
                "--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", scratch,
                "--maxmemory-policy", "noeviction",
            ],
            environment: ["PATH": "/usr/bin:/bin"],
            scratch: scratch
        )
        process.withLock { $0 = server }
    }

    func kill() {
        guard let server = process.withLock({ $0 }) else { return }
        server.send(SIGKILL)
        var status: Int32 = 0
        waitpid(server.pid, &status, 0)
        process.withLock { $0 = nil }
    }

    func flushAll() async throws { _ = try await command("FLUSHALL") }

    private func command(_ name: String) async throws -> RedisValue {
        let client = RedisClient(try RedisConfiguration(url: url))
        return try await client.command([RedisArgument(stringLiteral: name)])
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw NeverHappened(what: "a free port", waited: .zero) }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
