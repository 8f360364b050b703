import Glibc
import SluiceCore
import SluiceRedis
import SluiceTestKit
import Testing

/// On servers of their own, which they stop, freeze, flush and fill.
@Suite("A Redis server that fails", .enabled(if: SharedServer.isPresent), .timeLimit(.minutes(2)))
struct RedisOutageTests {
    private let script = RedisScript(name: "echo", source: "return ARGV[1]")

    private func client(
        _ server: RedisServerProcess,
        change: (inout RedisConfiguration) -> Void = { _ in }
    ) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: server.url)
        change(&configuration)
        return RedisClient(configuration)
    }

    private func code(_ call: () async throws -> RedisValue) async -> RedisError.Code? {
        do {
            _ = try await call()
            return nil
        } catch {
            return (error as? RedisError)?.code
        }
    }

    @Test("a server that restarts is used again without any help")
    func restart() async throws {
        try await withRedisServer { server in
            let client = try client(server)
            #expect(client.availability == .unknown)
            #expect(try await client.command(["PING"]).text == "PONG")
            #expect(client.availability == .up)
            try await server.kill()
            // The loss of the idle connection may be noticed before or after this call begins.
            let first = await code { try await client.command(["PING"]) }
            #expect(first == .connectionLost || first == .cannotConnect)
            try await eventually("the client knows") {
                await code { try await client.command(["PING"]) } == .cannotConnect
            }
            if case .down = client.availability {} else { Issue.record("\(client.availability)") }
            try await server.start()
            try await eventually("the server is used again") {
                await code { try await client.command(["PING"]) } == nil
            }
            #expect(client.availability == .up)
            client.close()
        }
    }

    @Test("while the server is away, calls fail at once and few of them try to connect")
    func failsFast() async throws {
        let server = try await RedisServerProcess.start()
        let client = try client(server) {
            $0.backOffBase = .seconds(60)
            $0.backOffCap = .seconds(60)
        }
        try await server.kill()
        #expect(await code { try await client.command(["PING"]) } == .cannotConnect)
        // The server is back, but nobody looks before the back-off ends: so nobody waits for a connection attempt either.
        try await server.start()
        for _ in 0..<1_000 { #expect(await code { try await client.command(["PING"]) } == .cannotConnect) }
        client.close()
        try await server.kill()
    }

    @Test("a frozen server costs its callers their time-out once; then calls fail at once, until it thaws")
    func frozen() async throws {
        try await withRedisServer { server in
            let client = try client(server) {
                $0.commandTimeout = .milliseconds(200)
                $0.connectTimeout = .milliseconds(200)
            }
            _ = try await client.command(["PING"])
            server.freeze()
            let start = Instant.now
            let codes = await withTaskGroup { group in
                for _ in 0..<50 { group.addTask { await code { try await client.command(["PING"]) } } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.allSatisfy { $0 == .timeout || $0 == .cannotConnect || $0 == .connectionLost })
            #expect(codes.contains(.timeout))
            // Not a measurement: 50 callers one after the other would take ten seconds.
            #expect(start.elapsed < .seconds(8))
            try await eventually("the client knows") {
                await code { try await client.command(["PING"]) } == .cannotConnect
            }
            server.thaw()
            try await eventually("the server is used again") {
                await code { try await client.command(["PING"]) } == nil
            }
            client.close()
        }
    }

    @Test("a short time limit of one caller does not cost the others their connection")
    func ownTimeout() async throws {
        try await withRedisServer { server in
            let (client, other) = (try client(server), try client(server))
            let before = try await client.command(["CLIENT", "ID"])
            // On the shared connection, where it does not belong: it holds up what comes after it until it is served.
            async let slow = client.command(["BLPOP", "gate", "60"], timeout: .seconds(60))
            try await eventually("it blocks") { try await other.serverInfo().fields["blocked_clients"] == "1" }
            #expect(await code { try await client.command(["PING"], timeout: .milliseconds(1)) } == .timeout)
            _ = try await other.command(["RPUSH", "gate", "open"])
            #expect(try await slow.elements?.last?.text == "open")
            // The late PONG was dropped: this caller gets its own reply, on the same connection.
            #expect(try await client.command(["CLIENT", "ID"]) == before)
            client.close()
            other.close()
        }
    }

    @Test("a server that has become a replica is left for whoever the address leads to now")
    func readOnly() async throws {
        try await withRedisServer { server in
            let client = try client(server)
            let before = try await client.command(["CLIENT", "ID"])
            _ = try await client.command(["REPLICAOF", "127.0.0.1", "1"])
            #expect(await code { try await client.command(["SET", "x", "1"]) } == .readOnly)
            #expect(try await client.command(["CLIENT", "ID"]) != before)
            _ = try await client.command(["REPLICAOF", "NO", "ONE"])
            #expect(await code { try await client.command(["SET", "x", "1"]) } == nil)
            client.close()
        }
    }

    @Test("a connection that the server closes while bytes are on their way is an error, not the end of the process")
    func brokenPipe() async throws {
        // In a process of its own, which is one that forgot to ignore the signal: the client must not depend on that.
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            try await withRedisServer { server in
                // On a Unix socket writing to a closed peer fails at once, without a reset that would come first.
                let client = RedisClient(try RedisConfiguration(url: "unix://\(server.socketPath)"))
                let payload = RedisArgument.bytes([UInt8](repeating: 0, count: 4 << 20))
                for _ in 0..<20 {
                    let id = try #require(try await client.command(["CLIENT", "ID"]).number)
                    let error = await #expect(throws: RedisError.self) {
                        try await client.pipeline([
                            ["CLIENT", "KILL", "ID", .number(id), "SKIPME", "no"], ["SET", "x", payload],
                            ["SET", "x", payload],
                        ])
                    }
                    #expect(error?.code == .connectionLost)
                }
                #expect(try await client.command(["PING"]).text == "PONG")
                client.close()
            }
        }
    }

    @Test("a script that the server lost is sent in full, alone and in a pipeline")
    func scripts() async throws {
        try await withRedisServer { server in
            let client = try client(server)
            let other = RedisScript(name: "other", source: "return redis.call('INCR', KEYS[1])")
            for _ in 0..<3 {
                #expect(try await client.evaluate(script, keys: [], arguments: ["first"]).text == "first")
                _ = try await client.command(["SCRIPT", "FLUSH"])
                // One of the two is known, the other not.
                _ = try await client.evaluate(script, keys: [], arguments: ["again"])
                let calls = (0..<100).map { number in
                    number % 2 == 0
                        ? RedisScriptCall(script, keys: [], arguments: [.number(number)])
                        : RedisScriptCall(other, keys: ["counter"])
                }
                let replies = try await client.evaluate(calls)
                #expect(replies.enumerated().allSatisfy { $0 % 2 == 1 || $1.number == $0 })
                _ = try await client.command(["SCRIPT", "FLUSH"])
            }
            #expect(try await client.command(["GET", "counter"]).number == 150)
            let broken = RedisScript(name: "broken", source: "return redis.call('NOSUCH')")
            #expect(await code { try await client.evaluate(broken, keys: []) } == .server)
            client.close()
        }
    }

    @Test("a full server refuses writes with outOfMemory and still answers reads")
    func outOfMemory() async throws {
        try await withRedisServer(["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]) { server in
            let client = try client(server)
            let block = RedisArgument.bytes([UInt8](repeating: 7, count: 64 << 10))
            var refusal: RedisError.Code?
            for number in 0..<200 where refusal == nil {
                refusal = await code { try await client.command(["SET", "block\(number)", block]) }
            }
            #expect(refusal == .outOfMemory)
            #expect(try await client.command(["STRLEN", "block0"]).number == 64 << 10)
            let info = try await client.serverInfo()
            #expect(info.maxMemoryBytes == 3 << 20 && info.maxMemoryPolicy == "noeviction" && info.version != nil)
            client.close()
        }
    }

    @Test("passwords, databases, Unix sockets")
    func greeting() async throws {
        try await withRedisServer(["--requirepass", "hunter2"]) { server in
            for (password, expected) in [
                ("hunter2", nil), ("wrong", RedisError.Code.authentication), (nil, .authentication),
            ] {
                let client = try client(server) { $0.password = password }
                #expect(await code { try await client.command(["PING"]) } == expected)
                client.close()
            }
            let far = try client(server) {
                $0.password = "hunter2"
                $0.database = 99
            }
            #expect(await code { try await far.command(["PING"]) } == .invalidConfiguration)
            far.close()
            let socket = RedisClient(try RedisConfiguration(url: "unix://:hunter2@\(server.socketPath)?db=3"))
            _ = try await socket.command(["SET", "here", "1"])
            #expect(try await socket.serverInfo().fields["db3"] != nil)
            socket.close()
        }
    }

    @Test("an address where nobody listens")
    func nobodyListens() async throws {
        let client = RedisClient(RedisConfiguration(endpoint: .tcp(host: "127.0.0.1", port: 1)))
        #expect(await code { try await client.command(["PING"]) } == .cannotConnect)
        client.close()
        let missing = RedisClient(RedisConfiguration(endpoint: .unixSocket(path: "/nonexistent/redis.sock")))
        #expect(await code { try await missing.command(["PING"]) } == .cannotConnect)
        missing.close()
    }

    @Test("a blocking pop whose server goes fails, and its connection is made anew")
    func blockingPopLosesServer() async throws {
        try await withRedisServer { server in
            let client = try client(server)
            _ = try await client.command(["PING"])
            let popping = Task { try await client.blocking(["BLPOP", "list", "60"], serverTimeout: .seconds(60)) }
            try await eventually("the pop blocks") {
                try await client.serverInfo().fields["blocked_clients"] == "1"
            }
            try await server.kill()
            let error = await #expect(throws: RedisError.self) { try await popping.value }
            #expect(error?.code == .connectionLost)
            try await server.start()
            try await eventually("the server is used again") {
                await code { try await client.command(["RPUSH", "list", "a"]) } == nil
            }
            let element = try await client.blocking(["BLPOP", "list", "5"], serverTimeout: .seconds(5))
            #expect(element.elements?.last?.text == "a")
            client.close()
        }
    }
}
