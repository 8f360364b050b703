internal import SluiceCore
package import SluiceRedis

/// What operators should know of the Redis server.
package struct RedisHealth: Sendable {
    package let version: String
    package let usedBytes: Int64
    package let maxBytes: Int64
    /// Must be `noeviction`: any other policy may drop windows. Nothing is lost then, but dispatching stutters.
    package let evictionPolicy: String
    package let roundTrip: Duration

    /// Asks the server; throws `RedisError`.
    package static func read(_ configuration: RedisConfiguration) async throws -> RedisHealth {
        let connection = RedisConnection(configuration, name: "redis-health")
        let start = ContinuousClock.now
        let reply = try await connection.run(RedisCommand("INFO"))
        let roundTrip = start.elapsed
        var fields: [String: String] = [:]
        for line in (reply.text ?? "").split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        return RedisHealth(
            version: fields["redis_version"] ?? "?",
            usedBytes: fields["used_memory"].flatMap { Int64($0) } ?? 0,
            maxBytes: fields["maxmemory"].flatMap { Int64($0) } ?? 0,
            evictionPolicy: fields["maxmemory_policy"] ?? "?",
            roundTrip: roundTrip
        )
    }
}
