package import SluiceCore
internal import SluiceQueue
internal import SluiceRedis

extension RedisTaskHints: TenantHints {
    /// All other keys hold ids alone, and those of tasks that are gone are dropped by whoever meets them.
    package func forget(_ tenant: TenantID, queues: [QueueName]) async throws -> Int {
        let scopes = [ControlScope.tenant(tenant, in: nil)] + queues.map { ControlScope.tenant(tenant, in: $0) }
        let reply = try await client.command(RedisCommand(["DEL"] + scopes.map { .text(keys.bucket($0)) }))
        return try Self.number(reply)
    }
}
