package import SluiceCore
package import SluiceQueue
internal import SluiceRedis

extension RedisTaskHints {
    /// How long a gate stays closed when nobody renews it.
    private static let gateLife = Duration.seconds(60)

    package func announce(_ ids: [TaskID], queue: QueueName, windowLimit: Int) async throws -> Int {
        if ids.isEmpty { return 0 }
        let head: [RedisArgument] = [.number(windowLimit), .number(Self.markerLimit), .number(ids.count)]
        // No more than an empty window could take.
        let offered = ids.prefix(max(0, windowLimit)).map { RedisArgument.text($0.description) }
        return try await sum([
            RedisScriptCall(
                HintScripts.announce,
                keys: [
                    .text(keys.window(queue)), .text(keys.wake(queue)), .text(keys.gate(queue)), .text(keys.calls),
                ],
                arguments: head + offered
            )
        ])
    }

    package func setGates(closed: [QueueName], open: [QueueName]) async throws {
        var commands: [RedisCommand] = closed.map {
            ["SET", .text(keys.gate($0)), "1", "PX", .number(Self.gateLife.inMillisecondsRoundedUp)]
        }
        if !open.isEmpty { commands.append(RedisCommand(["DEL"] + open.map { .text(keys.gate($0)) })) }
        if commands.isEmpty { return }
        for reply in try await client.pipeline(commands) { _ = try reply.orThrow() }
    }

    package func withdraw(_ ids: [TaskID], queue: QueueName) async throws -> Int {
        let calls = Self.slices(ids[...]).map { slice in
            RedisScriptCall(
                HintScripts.withdraw,
                keys: [.text(keys.window(queue)), .text(keys.wake(queue))],
                arguments: [.number(Self.markerLimit)] + slice
            )
        }
        return try await sum(calls)
    }

    package func takeTokens(_ requests: [TokenRequest]) async throws -> [Int] {
        try await exchangeTokens(requests.map { ($0, $0.count) })
    }

    package func returnTokens(_ requests: [TokenRequest]) async throws {
        _ = try await exchangeTokens(requests.map { ($0, -$0.count) })
    }

    private func exchangeTokens(_ requests: [(request: TokenRequest, wanted: Int)]) async throws -> [Int] {
        if requests.isEmpty { return [] }
        let reply = try await client.evaluate(
            HintScripts.tokens,
            keys: requests.map { .text(keys.bucket($0.request.scope)) },
            arguments: requests.flatMap { request, wanted -> [RedisArgument] in
                [.text("\(request.rate.perSecond)"), .number(request.rate.burst), .number(wanted)]
            }
        )
        guard let counts = try reply.orThrow().elements, counts.count == requests.count else {
            throw RedisError(.unexpectedReply)
        }
        return try counts.map { try Self.number($0) }
    }

    /// Blocks on a connection of its own.
    package func waitForCall(atMost: Duration) async throws -> Bool {
        guard !Task.isCancelled else { return false }
        let limit = max(atMost, .milliseconds(10))
        do throws(RedisError) {
            let reply = try await client.blocking(
                ["BLPOP", .text(keys.calls), .text("\(limit.inSeconds)")],
                serverTimeout: limit
            )
            return reply.elements?.first != nil
        } catch {
            if error.code == .cancelled { return false }
            throw error
        }
    }

    package func dropAll(_ queues: [QueueName]) async throws -> Int {
        if queues.isEmpty { return 0 }
        let names = queues.flatMap { [keys.window($0), keys.wake($0), keys.gate($0)] } + [keys.calls]
        let commands = queues.map { RedisCommand(["LLEN", .text(keys.window($0))]) }
        let replies = try await client.pipeline(commands + [RedisCommand(["DEL"] + names.map { .text($0) })])
        return try replies.prefix(queues.count).reduce(0) { try $0 + Self.number($1) }
    }
}
