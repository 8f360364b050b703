package import Logging
package import SluiceBroker
internal import SluiceCore
package import SluicePostgres
internal import SluiceQueue
package import SluiceRedis
package import SluiceStore

extension Settings {
    package func postgres(_ name: String, poolSize: Int? = nil) -> PostgresConfiguration {
        PostgresConfiguration(
            url: databaseURL,
            applicationName: name,
            poolSize: poolSize ?? self.poolSize,
            prepares: preparesStatements
        )
    }

    package func makeStore(_ name: String, poolSize: Int? = nil, logger: Logger) -> Store {
        Store(
            configuration: postgres(name, poolSize: poolSize),
            schema: schema,
            payloadKeys: payloadKeys,
            logger: logger
        )
    }

    package func redisConfiguration() throws -> RedisConfiguration? {
        try redisURL.map { url throws(RedisError) in try RedisConfiguration(url: url) }
    }

    /// Nil where the fleet runs without Redis.
    package func makeHints() throws -> RedisTaskHints? {
        try redisConfiguration().map { RedisTaskHints($0, prefix: redisPrefix) }
    }
}
