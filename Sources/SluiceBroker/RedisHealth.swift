internal import SluiceCore
package import SluiceRedis

/// What operators should know of the Redis server.
package struct RedisHealth: Sendable {
    /// `?` when the server hides it.
    package let version: String
    package let usedBytes: Int64
    /// 0: no limit.
    package let maxBytes: Int64
    /// Must be `noeviction`: any other policy may drop windows. Nothing is lost then, but dispatching stutters.
    package let evictionPolicy: String
    /// Keys dropped for want of memory since the server started.
    package let evictedKeys: Int64
    package let roundTrip: Duration

    package var isEvictionSafe: Bool { evictionPolicy == "noeviction" }

    /// Asks the server over a connection that lasts for this call; throws `RedisError`.
    package static func read(_ configuration: RedisConfiguration) async throws -> RedisHealth {
        let client = RedisClient(configuration)
        defer { client.close() }
        return try await read(client)
    }

    /// Asks the server; throws `RedisError`.
    package static func read(_ client: RedisClient) async throws -> RedisHealth {
        let info = try await client.serverInfo()
        // After the first call, so that connecting is not part of the time.
        let start = Instant.now
        _ = try await client.command(["PING"])
        return RedisHealth(
            version: info.version ?? "?",
            usedBytes: Int64(info.usedMemoryBytes ?? 0),
            maxBytes: Int64(info.maxMemoryBytes ?? 0),
            evictionPolicy: info.maxMemoryPolicy ?? "?",
            evictedKeys: Int64(info.evictedKeys ?? 0),
            roundTrip: start.elapsed
        )
    }
}
