package import SluiceCore
internal import SluiceQueue
package import SluiceRedis

/// Hints and wake-ups on Redis (6.2 or later, or Valkey): the only place that knows keys. Losing Redis loses speed,
/// never tasks.
///
/// Every call fails fast with a `RedisError` while the server is away; a cancelled one throws `RedisError.cancelled`.
package final class RedisTaskHints: TaskHints {
    package let client: RedisClient
    let keys: Keys
    /// Markers that a queue's wake list holds at most: how many waiters one offer wakes at once. Each that leaves ids
    /// behind wakes the next.
    static let markerLimit = 8
    /// Ids in one run of a script at most: a script blocks the server for everyone else.
    private static let sliceLength = 5_000

    /// - Parameter prefix: begins every key, in braces; fleets that share a server differ in it.
    package init(client: RedisClient, prefix: String) {
        self.client = client
        keys = Keys(prefix: prefix)
    }

    package convenience init(_ configuration: RedisConfiguration, prefix: String) {
        self.init(client: RedisClient(configuration), prefix: prefix)
    }

    package func offer(_ ids: [TaskID], queue: QueueName, windowLimit: Int) async throws -> Int {
        let head: [RedisArgument] = [.number(windowLimit), .number(Self.markerLimit)]
        // No more than an empty window could take.
        let calls = Self.slices(ids.prefix(max(0, windowLimit))).map { slice in
            RedisScriptCall(
                HintScripts.offer,
                keys: [.text(keys.window(queue)), .text(keys.wake(queue))],
                arguments: head + slice
            )
        }
        return try await sum(calls)
    }

    package func fetch(queue: QueueName, worker: WorkerID, limit: Int) async throws -> [TaskID] {
        guard limit > 0 else { return [] }
        let reply = try await client.evaluate(
            HintScripts.fetch,
            keys: [
                .text(keys.window(queue)), .text(keys.wake(queue)), .text(keys.held(by: worker)),
                .text(keys.incarnations),
            ],
            arguments: [.number(min(limit, Self.sliceLength)), .number(Self.markerLimit), .text(worker.description)]
        )
        return try Self.ids(reply)
    }

    /// Blocks on a connection of its own. Nil also when the calling task is cancelled, at once; a wake-up that was under
    /// way to it is lost then, and the next poll or offer makes up for it.
    package func waitForWork(queues: [QueueName], atMost: Duration) async throws -> QueueName? {
        guard !queues.isEmpty, atMost > .zero, !Task.isCancelled else { return nil }
        // The server looks at keys in their order: shuffled, no queue is always second.
        let names = queues.shuffled().map { (queue: $0, key: keys.wake($0)) }
        // Zero would wait for ever.
        let limit = max(atMost, .milliseconds(10))
        do throws(RedisError) {
            let reply = try await client.blocking(
                RedisCommand(["BLPOP"] + names.map { .text($0.key) } + ["\(limit.inSeconds)"]),
                serverTimeout: limit
            )
            guard let key = reply.elements?.first?.text else { return nil }
            return names.first { $0.key == key }?.queue
        } catch {
            if error.code == .cancelled { return nil }
            throw error
        }
    }

    package func acknowledge(_ ids: [TaskID], worker: WorkerID) async throws {
        let calls = Self.slices(ids[...]).map { slice in
            RedisScriptCall(
                HintScripts.acknowledge,
                keys: [.text(keys.held(by: worker)), .text(keys.incarnations)],
                arguments: [.text(worker.description)] + slice
            )
        }
        _ = try await sum(calls)
    }

    package func handBack(_ ids: [TaskID], queue: QueueName, worker: WorkerID) async throws {
        let head: [RedisArgument] = [.number(Self.markerLimit), .text(worker.description)]
        // Last slice first: each goes before what is there, so the first id comes to stand at the head.
        let calls = Self.slices(ids[...]).reversed().map { slice in
            RedisScriptCall(
                HintScripts.handBack,
                keys: [
                    .text(keys.window(queue)), .text(keys.wake(queue)), .text(keys.held(by: worker)),
                    .text(keys.incarnations),
                ],
                arguments: head + slice
            )
        }
        _ = try await sum(calls)
    }

    package func windowCounts(_ queues: [QueueName]) async throws -> [QueueName: Int] {
        let replies = try await client.pipeline(queues.map { ["LLEN", .text(keys.window($0))] })
        var counts: [QueueName: Int] = [:]
        for (queue, reply) in zip(queues, replies) { counts[queue] = try Self.number(reply) }
        return counts
    }

    package func windowIDs(_ queue: QueueName) async throws -> [TaskID] {
        try Self.ids(try await client.command(["LRANGE", .text(keys.window(queue)), 0, -1]))
    }

    package func clear(queue: QueueName) async throws {
        _ = try await client.command(["DEL", .text(keys.window(queue)), .text(keys.wake(queue))])
    }

    package func incarnations() async throws -> [WorkerID] {
        let reply = try await client.command(["SMEMBERS", .text(keys.incarnations)])
        guard let members = reply.elements else { throw RedisError(.unexpectedReply) }
        return members.compactMap { $0.text.flatMap { WorkerID(text: $0) } }
    }

    package func reclaim(worker: WorkerID) async throws -> [TaskID] {
        let reply = try await client.evaluate(
            HintScripts.reclaim,
            keys: [.text(keys.held(by: worker)), .text(keys.incarnations)],
            arguments: [.text(worker.description)]
        )
        return try Self.ids(reply)
    }

    package func ping() async throws -> Duration {
        let start = Instant.now
        _ = try await client.command(["PING"])
        return start.elapsed
    }

    /// What operators should know of the server.
    package func health() async throws -> RedisHealth { try await RedisHealth.read(client) }

    /// Fails what is under way and what comes later, and ends the client's threads.
    package func close() { client.close() }

    // MARK: - Arguments and replies

    static func slices(_ ids: ArraySlice<TaskID>) -> [[RedisArgument]] {
        stride(from: ids.startIndex, to: ids.endIndex, by: sliceLength).map { start in
            ids[start..<min(start + sliceLength, ids.endIndex)].map { .text($0.description) }
        }
    }

    /// Runs scripts that return counts, in one round trip.
    func sum(_ calls: [RedisScriptCall]) async throws -> Int {
        guard !calls.isEmpty else { return 0 }
        return try await client.evaluate(calls).reduce(0) { try $0 + Self.number($1) }
    }

    static func number(_ reply: RedisValue) throws(RedisError) -> Int {
        guard let number = try reply.orThrow().number else { throw RedisError(.unexpectedReply) }
        return number
    }

    /// What is no id is dropped: another program wrote it, and hints may be lost.
    private static func ids(_ reply: RedisValue) throws(RedisError) -> [TaskID] {
        guard let elements = try reply.orThrow().elements else { throw RedisError(.unexpectedReply) }
        return elements.compactMap { $0.text.flatMap { TaskID(text: $0) } }
    }
}
