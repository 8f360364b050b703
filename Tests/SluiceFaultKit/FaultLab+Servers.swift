internal import SluiceCore
internal import SluicePostgres
internal import SluiceRedis
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem
internal import SluiceTestKit

/// What faults do to the servers.
extension FaultLab {
    func redisCommand(_ command: RedisCommand) async throws {
        let client = RedisClient(try RedisConfiguration(url: redis.url))
        defer { client.close() }
        _ = try await client.command(command)
    }

    func superuserScript(_ sql: String) async throws {
        try await superuser.withConnection { try await $0.script(sql) }
    }

    /// Ends sessions on this lab's database, chosen at random.
    func terminate(limit: Int) async throws {
        try await superuser.execute(
            Statement(
                """
                SELECT pg_terminate_backend(pid) FROM (
                    SELECT pid FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()
                    ORDER BY random() LIMIT $2
                ) AS victims
                """,
                [.text(database), .int8(Int64(limit))]
            )
        )
    }

    /// Asked again while the server is away.
    func completedCountPatiently() async throws -> Int64 {
        try await waitUntil("the server answers", within: .seconds(60)) {
            _ = try await completedCount(); return true
        }
        return try await completedCount()
    }

    /// Runs `body` while a session holds a snapshot in an open transaction, as a forgotten console does.
    func withOpenTransaction(_ body: () async throws -> Void) async throws {
        try await ownPool().transaction(repeatableRead: true) { transaction in
            try await transaction.script("SELECT count(*) FROM tasks")
            try await body()
        }
    }

    /// Keeps everybody from the hot table.
    func lockTasks(for duration: Duration) async throws {
        try await ownPool().transaction { transaction in
            try await transaction.script("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
            try await Task.sleep(for: duration)
        }
    }

    /// A connection without the time-outs of ours.
    private func ownPool() -> PostgresPool {
        var configuration = settings.postgres("faultlab-fault", poolSize: 2)
        configuration.idleInTransactionTimeout = .zero
        configuration.settings["search_path"] = "\(settings.schema),public"
        configuration.settings["sluice.tenant"] = "*"
        return PostgresPool(configuration)
    }
}
