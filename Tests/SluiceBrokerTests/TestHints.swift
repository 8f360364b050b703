import SluiceBroker
import SluiceCore
import SluiceRedis
import SluiceSystem
import Testing

/// Hints under a prefix of their own, and a look at the keys behind them.
struct TestHints: Sendable {
    let hints: RedisTaskHints
    let prefix: String

    static var isPossible: Bool {
        Environment.value("SLUICE_REDIS_URL") != nil || Environment.value("SLUICE_TEST_REQUIRE_SERVERS") == "1"
    }

    /// On the shared server.
    init() throws {
        let url = try #require(Environment.value("SLUICE_REDIS_URL"), "SLUICE_REDIS_URL is not set; run scripts/test")
        try self.init(url: url)
    }

    init(url: String, commandTimeout: Duration = .seconds(5)) throws {
        prefix = "sluice-test-" + WorkerID.random().description
        var configuration = try RedisConfiguration(url: url)
        configuration.commandTimeout = commandTimeout
        // Tells this test's connections from those of others in CLIENT LIST.
        configuration.clientName = prefix
        hints = RedisTaskHints(configuration, prefix: prefix)
    }

    var client: RedisClient { hints.client }

    func markerCount(_ queue: QueueName) async throws -> Int? {
        try await client.command(["LLEN", .text("{\(prefix)}:wake:\(queue)")]).number
    }

    func held(by worker: WorkerID) async throws -> Set<TaskID> {
        let reply = try await client.command(["SMEMBERS", .text("{\(prefix)}:proc:\(worker)")])
        return Set((reply.elements ?? []).compactMap { $0.text.flatMap { TaskID(text: $0) } })
    }

    /// How many connections of this test wait for a wake-up.
    func waiterCount() async throws -> Int {
        let list = try await client.command(["CLIENT", "LIST"]).text ?? ""
        return list.split(separator: "\n").count { $0.contains("name=\(prefix) ") && $0.contains(" flags=b ") }
    }

    /// Deletes what the test left behind, and ends the connections.
    func close() async throws {
        var cursor = "0"
        repeat {
            let reply = try await client.command(["SCAN", .text(cursor), "MATCH", .text("{\(prefix)}*"), "COUNT", 1000])
            cursor = reply.elements?.first?.text ?? "0"
            for key in reply.elements?.last?.elements?.compactMap(\.bytes) ?? [] {
                _ = try await client.command(["DEL", .bytes(key)])
            }
        } while cursor != "0"
        hints.close()
    }
}

func ids(_ range: Range<Int>) -> [TaskID] { range.map { TaskID(rawValue: Int64($0)) } }
