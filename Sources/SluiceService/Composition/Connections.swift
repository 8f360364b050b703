package import Logging
package import SluiceBroker
internal import SluiceCore
package import SluicePostgres
internal import SluiceQueue
package import SluiceRedis
package import SluiceStore

extension Settings {
    /// A host that vanishes leaves its transactions open, and the rescuer passes over rows that they have locked: the server
    /// ends them when a lease would end.
    package func postgres(_ name: String, poolSize: Int? = nil) -> PostgresConfiguration {
        var configuration = PostgresConfiguration(
            url: databaseURL,
            applicationName: name,
            poolSize: poolSize ?? self.poolSize,
            prepares: preparesStatements
        )
        configuration.idleInTransactionTimeout = min(configuration.idleInTransactionTimeout, leaseLength)
        return configuration
    }

    /// Connections for a worker's engine: one a claim loop, and for renewals, orders and verdicts. A statement that hangs
    /// ends before the lease does, so that the engine still can act on it.
    package func makeControlStore(_ name: String, queues: Int, logger: Logger) -> Store {
        var configuration = postgres(name, poolSize: queues + 3)
        configuration.statementTimeout = leaseLength * 2 / 3
        configuration.lockTimeout = leaseLength / 3
        return Store(configuration: configuration, schema: schema, payloadKeys: payloadKeys, logger: logger)
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
