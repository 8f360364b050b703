import SluiceCore
import SluiceRedis
import SluiceSystem
import SluiceTestKit
import Testing

/// Where the server of these tests is; without one they are skipped, except where servers are required.
enum SharedServer {
    static var url: String? { Environment.value("SLUICE_REDIS_URL") }
    static var isPresent: Bool { url != nil || Environment.value("SLUICE_TEST_REQUIRE_SERVERS") == "1" }
}

@Suite("Commands on a Redis server", .enabled(if: SharedServer.isPresent), .timeLimit(.minutes(2)))
struct RedisClientTests {
    private let client: RedisClient
    /// Begins every key of this test.
    private let prefix = "sluice-test:" + WorkerID.random().description + ":"

    init() throws {
        let url = try #require(SharedServer.url, "SLUICE_REDIS_URL is not set; run scripts/test")
        var configuration = try RedisConfiguration(url: url)
        // Tells this test's connections from those of others in CLIENT LIST.
        configuration.clientName = "test-" + WorkerID.random().description
        client = RedisClient(configuration)
    }

    private func key(_ name: String) -> RedisArgument { .text(prefix + name) }

    private func forget(_ names: String...) async throws {
        _ = try await client.command(RedisCommand(["DEL"] + names.map(key)))
        client.close()
    }

    @Test("every kind of reply arrives as what it is")
    func replies() async throws {
        #expect(try await client.command(["SET", key("a"), "1"]).text == "OK")
        #expect(try await client.command(["INCR", key("a")]) == .integer(2))
        #expect(try await client.command(["GET", key("a")]).number == 2)
        #expect(try await client.command(["GET", key("none")]).isNull)
        #expect(try await client.command(["LRANGE", key("none"), 0, -1]) == .array([]))
        let nested = try await client.command(["EVAL", "return {1, {'a', {2, false}}, {}}", 0])
        #expect(
            nested
                == .array([
                    .integer(1), .array([.string([97]), .array([.integer(2), .null])]), .array([]),
                ])
        )
        try await forget("a")
    }

    @Test("error replies are thrown by a command and are values in a pipeline")
    func errors() async throws {
        _ = try await client.command(["SET", key("s"), "text"])
        let thrown = await #expect(throws: RedisError.self) { try await client.command(["LPUSH", key("s"), "x"]) }
        #expect(thrown?.code == .wrongType)
        let replies = try await client.pipeline([
            ["SET", key("s"), "5"], ["NOSUCHCOMMAND"], ["LLEN", key("s")], ["INCR", key("s")],
        ])
        #expect(replies.map(\.error?.code) == [nil, .server, .wrongType, nil])
        #expect(replies.last == .integer(6))
        try await forget("s")
    }

    @Test("keys and values are any bytes, of any size")
    func binary() async throws {
        let all = (0...255).map { UInt8($0) } + Array("\r\n$5\r\n*3\r\n".utf8) + [0, 0]
        let name = RedisArgument.bytes(Array((prefix + "b\0\r\n").utf8) + [0xFF])
        _ = try await client.command(["SET", name, .bytes(all)])
        #expect(try await client.command(["GET", name]).bytes == all)
        _ = try await client.command(["SET", name, .bytes([])])
        #expect(try await client.command(["GET", name]).bytes == [])
        _ = try await client.command(["DEL", name])
        try await forget("x")
    }

    @Test("values of 64 MiB pass both ways, and small calls beside them")
    func huge() async throws {
        var value = [UInt8](repeating: 0, count: 64 << 20)
        for index in stride(from: 0, to: value.count, by: 4_093) { value[index] = UInt8(truncatingIfNeeded: index) }
        let content = value
        async let stored = client.command(["SET", key("huge"), .bytes(content)], timeout: .seconds(60))
        async let small = client.command(["ECHO", "small"], timeout: .seconds(60))
        #expect(try await stored.text == "OK")
        #expect(try await small.text == "small")
        // Compared here, not by #expect, which would describe 64 MiB.
        let isSame = try await client.command(["GET", key("huge")], timeout: .seconds(60)).bytes == content
        #expect(isSame)
        try await forget("huge")
    }

    @Test("a pipeline of 10,000 commands is answered in order")
    func longPipeline() async throws {
        let commands = (0..<10_000).map { number -> RedisCommand in ["ECHO", .number(number)] }
        let replies = try await client.pipeline(commands)
        #expect(replies.map(\.number) == Array(0..<10_000))
        #expect(try await client.pipeline([]).isEmpty)
        try await forget("x")
    }

    @Test("many callers share the connection, and each gets its own reply")
    func concurrency() async throws {
        try await withThrowingTaskGroup { group in
            for caller in 0..<200 {
                group.addTask {
                    for round in 0..<20 {
                        let text = "\(caller)/\(round)"
                        guard try await client.command(["ECHO", .text(text)]).text == text else { return false }
                    }
                    return true
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        // One connection, not 200.
        let clients = try await client.command(["CLIENT", "LIST"]).text ?? ""
        #expect(clients.split(separator: "\n").filter { $0.contains(client.configuration.clientName) }.count == 1)
        try await forget("x")
    }

    @Test("a cancelled caller leaves at once; the connection serves the others")
    func cancellation() async throws {
        let waiting = Task { try await client.command(["EVAL", "return ARGV[1]", 0, "late"]) }
        waiting.cancel()
        let result = await waiting.result
        // It may have been answered before the cancellation came.
        if case .failure(let error) = result { #expect((error as? RedisError)?.code == .cancelled) }
        for number in 0..<100 { #expect(try await client.command(["ECHO", .number(number)]).number == number) }
        try await forget("x")
    }

    @Test("a blocking pop gets what comes later, and nil when nothing comes")
    func blockingPop() async throws {
        async let popped = client.blocking(["BLPOP", key("list"), "30"], serverTimeout: .seconds(30))
        try await eventually("the pop blocks") { try await isBlocking() }
        _ = try await client.command(["RPUSH", key("list"), "element"])
        #expect(try await popped == .array([.string(Array((prefix + "list").utf8)), .string(Array("element".utf8))]))
        let nothing = try await client.blocking(["BLPOP", key("list"), "0.05"], serverTimeout: .milliseconds(50))
        #expect(nothing.isNull)
        try await forget("list")
    }

    @Test("a cancelled blocking pop returns at once and takes no element")
    func cancelledPop() async throws {
        for round in 0..<10 {
            let list = key("list\(round)")
            let popping = Task { try await client.blocking(["BLPOP", list, "60"], serverTimeout: .seconds(60)) }
            try await eventually("the pop blocks") { try await isBlocking() }
            popping.cancel()
            let error = await #expect(throws: RedisError.self) { try await popping.value }
            #expect(error?.code == .cancelled)
            try await eventually("the server let go") { try await !isBlocking() }
            _ = try await client.command(["RPUSH", list, "kept"])
            #expect(try await client.command(["LPOP", list]).text == "kept")
        }
        try await forget("x")
    }

    @Test("calls after closing fail, and closing ends calls under way")
    func closing() async throws {
        let popping = Task { try await client.blocking(["BLPOP", key("never"), "60"], serverTimeout: .seconds(60)) }
        try await eventually("the pop blocks") { try await isBlocking() }
        client.close()
        for call in [popping, Task { try await client.command(["PING"]) }] {
            let error = await #expect(throws: RedisError.self) { try await call.value }
            #expect(error?.code == .closed)
        }
        let later = await #expect(throws: RedisError.self) {
            try await client.blocking(["BLPOP", "x", "1"], serverTimeout: .seconds(1))
        }
        #expect(later?.code == .closed)
    }

    /// Whether a connection of this test's client waits in a blocking command.
    private func isBlocking() async throws -> Bool {
        let list = try await client.command(["CLIENT", "LIST"]).text ?? ""
        return list.split(separator: "\n").contains { line in
            line.contains("name=\(client.configuration.clientName) ") && line.contains(" flags=b ")
        }
    }
}
