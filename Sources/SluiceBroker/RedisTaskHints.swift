internal import SluiceAssets
package import SluiceCore
internal import SluiceQueue
package import SluiceRedis

/// Hints and wake-ups on Redis: the only place that knows keys. Losing Redis loses speed, never tasks.
package final class RedisTaskHints: TaskHints {
    private let commands: RedisConnection
    /// A connection of its own for blocking pops: they would hold up everyone else's commands.
    private let waiting: RedisConnection
    private let keys: Keys
    /// A cancelled waiter notices after this at the latest.
    private static let slice = Duration.milliseconds(500)

    package init(_ configuration: RedisConfiguration, prefix: String) {
        commands = RedisConnection(configuration)
        waiting = RedisConnection(configuration, name: "redis-wait")
        keys = Keys(prefix: prefix)
    }

    package func offer(_ ids: [TaskID], queue: QueueName, windowLimit: Int) async throws -> Int {
        if ids.isEmpty { return 0 }
        let reply = try await commands.run(
            RedisScriptCall(
                .offer,
                keys: [keys.window(queue), keys.wake(queue)],
                // No more than the window could take anyway.
                arguments: ["\(windowLimit)"] + ids.prefix(windowLimit).map(\.description)
            )
        )
        return Int(try Self.integer(reply))
    }

    package func fetch(queue: QueueName, worker: WorkerID, limit: Int) async throws -> [TaskID] {
        if limit <= 0 { return [] }
        let reply = try await commands.run(
            RedisScriptCall(
                .fetch,
                keys: [keys.window(queue), keys.processing(worker), keys.incarnations],
                arguments: ["\(min(limit, 1_000))", worker.description]
            )
        )
        return try Self.ids(reply)
    }

    package func waitForWork(queues: [QueueName], atMost: Duration) async throws -> QueueName? {
        let deadline = ContinuousClock.now + atMost
        let names = queues.map(keys.wake)
        while !Task.isCancelled {
            let left = min(deadline - .now, Self.slice)
            if left <= .zero { return nil }
            let reply = try await waiting.run(
                RedisCommand(["BRPOP"] + names + ["\(max(0.01, left.inSeconds))"]),
                blocking: left
            )
            if let name = reply.array?.first?.text, let index = names.firstIndex(of: name) { return queues[index] }
        }
        return nil
    }

    package func acknowledge(_ ids: [TaskID], worker: WorkerID) async throws {
        if ids.isEmpty { return }
        _ = try await commands.run(
            RedisScriptCall(.acknowledge, keys: [keys.processing(worker)], arguments: ids.map(\.description))
        )
    }

    package func handBack(_ ids: [TaskID], queue: QueueName, worker: WorkerID) async throws {
        if ids.isEmpty { return }
        _ = try await commands.run(
            RedisScriptCall(
                .handBack,
                keys: [keys.processing(worker), keys.window(queue), keys.wake(queue)],
                arguments: ids.map(\.description)
            )
        )
    }

    package func windowIDs(_ queue: QueueName) async throws -> [TaskID] {
        try Self.ids(try await commands.run(RedisCommand("LRANGE", keys.window(queue), "0", "-1")))
    }

    package func windowCounts(_ queues: [QueueName]) async throws -> [QueueName: Int] {
        let replies = try await commands.pipeline(queues.map { RedisCommand("LLEN", keys.window($0)) })
        return Dictionary(
            uniqueKeysWithValues: zip(queues, try replies.map { Int(try Self.integer($0)) })
        )
    }

    package func clear(queue: QueueName) async throws {
        try await commands.run(RedisCommand("DEL", keys.window(queue)))
    }

    package func incarnations() async throws -> [WorkerID] {
        let reply = try await commands.run(RedisCommand("SMEMBERS", keys.incarnations))
        return (reply.array ?? []).compactMap { $0.text.flatMap { WorkerID(text: $0) } }
    }

    package func reclaim(worker: WorkerID) async throws -> [TaskID] {
        try Self.ids(
            try await commands.run(
                RedisScriptCall(
                    .reclaim,
                    keys: [keys.processing(worker), keys.incarnations],
                    arguments: [worker.description]
                )
            )
        )
    }

    package func ping() async throws -> Duration {
        let start = ContinuousClock.now
        try await commands.run(RedisCommand("PING"))
        return start.elapsed
    }

    private static func integer(_ reply: RedisValue) throws(RedisError) -> Int64 {
        if case .failure(let text) = reply { throw RedisError(.server, serverCode: String(text.prefix { $0 != " " })) }
        guard let value = reply.integer else { throw RedisError(.unexpectedReply) }
        return value
    }

    /// Ids that are no numbers are dropped: another program's, and hints may be lost.
    private static func ids(_ reply: RedisValue) throws(RedisError) -> [TaskID] {
        guard let values = reply.array else { throw RedisError(.unexpectedReply) }
        return values.compactMap { $0.integer.map { TaskID(rawValue: $0) } }
    }
}

extension RedisScript {
    fileprivate static let offer = RedisScript("offer", keyCount: 2, source: ScriptAssets.offer)
    fileprivate static let fetch = RedisScript("fetch", keyCount: 3, source: ScriptAssets.fetch)
    fileprivate static let handBack = RedisScript("hand_back", keyCount: 3, source: ScriptAssets.handBack)
    fileprivate static let acknowledge = RedisScript("acknowledge", keyCount: 1, source: ScriptAssets.acknowledge)
    fileprivate static let reclaim = RedisScript("reclaim", keyCount: 2, source: ScriptAssets.reclaim)
}
