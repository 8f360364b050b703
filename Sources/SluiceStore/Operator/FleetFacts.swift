package import SluiceCore
internal import SluicePostgres
internal import SluiceSystem

/// What a doctor wants to know of the fleet's running, beside the `DatabaseFacts`.
package struct FleetFacts: Sendable {
    /// True when a pooler stands between this process and the server.
    package let isPooled: Bool
    /// Settings that every session of the fleet must have but this one has not, by name.
    package let missingSettings: [String]
    /// The server's clock less this machine's, in seconds; as exact as half a round trip.
    package let clockSkewSeconds: Double
    package let liveTasks: Int64
    package let deadTaskRows: Int64
    /// What holds the oldest row version that the server must keep, in words, and its age in transactions; nil: nothing old.
    package let horizon: (holder: String, age: Int64)?
    /// Settled tasks outside of a day partition, at most 1,000 counted.
    package let strayArchiveRows: Int
    /// Versions of the workers and coordinators that hold a lease.
    package let versions: [String]
    package let isLed: Bool
    package let relayLagSeconds: Double?
}

extension Store {
    /// Reads everything on one connection.
    package func fleetFacts() async throws -> FleetFacts {
        try await pool.withConnection { connection in
            let isPooled = try await connection.isPooled()
            let before = WallClock.seconds()
            guard let row = try await connection.query(Self.fleetFactsStatement).first else {
                throw PostgresError(.server, "no facts came back")
            }
            let here = before + (WallClock.seconds() - before) / 2
            return FleetFacts(
                isPooled: isPooled,
                missingSettings: row.missing,
                clockSkewSeconds: row.clock - here,
                liveTasks: row.live,
                deadTaskRows: row.dead,
                horizon: row.holder.map { ($0, row.age) },
                strayArchiveRows: row.strays,
                versions: row.versions,
                isLed: row.isLed,
                relayLagSeconds: row.lag
            )
        }
    }

    private struct FactsRow: Sendable {
        let missing: [String]
        let clock: Double
        let live: Int64
        let dead: Int64
        let holder: String?
        let age: Int64
        let strays: Int
        let versions: [String]
        let isLed: Bool
        let lag: Double?
    }

    /// The oldest row version kept can be held by a session, a prepared transaction or a replication slot.
    private static var fleetFactsStatement: Statement<FactsRow> {
        Statement(
            """
            WITH horizons AS (
                SELECT CASE state WHEN 'idle in transaction' THEN 'a session idle in a transaction' ELSE 'a session' END
                    || ' (process ' || pid || ', ' || coalesce(nullif(application_name, ''), 'no name') || ')' AS holder,
                    age(backend_xmin)::int8 AS age
                FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
                UNION ALL SELECT 'the prepared transaction ' || gid, age(transaction)::int8 FROM pg_prepared_xacts
                UNION ALL SELECT 'the replication slot ' || slot_name, greatest(age(xmin), age(catalog_xmin))::int8
                FROM pg_replication_slots WHERE xmin IS NOT NULL OR catalog_xmin IS NOT NULL
            ), oldest AS (SELECT * FROM horizons ORDER BY age DESC LIMIT 1)
            SELECT array_remove(ARRAY[
                    CASE WHEN current_setting('sluice.tenant', true) IS DISTINCT FROM '*' THEN 'sluice.tenant' END,
                    CASE WHEN current_setting('plan_cache_mode') <> 'force_custom_plan' THEN 'plan_cache_mode' END,
                    CASE WHEN to_regclass('schema_migrations') IS NULL THEN 'search_path' END
                ], NULL),
                extract(epoch FROM clock_timestamp())::float8,
                coalesce((SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = to_regclass('tasks')), 0),
                coalesce((SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = to_regclass('tasks')), 0),
                (SELECT holder FROM oldest), coalesce((SELECT age FROM oldest), 0),
                (SELECT count(*) FROM (SELECT FROM tasks_archive_default LIMIT 1000) AS stray),
                coalesce((SELECT array_agg(DISTINCT version) FROM workers WHERE lease_expires_at > now()), '{}'),
                coalesce((SELECT expires_at > now() FROM leader), false), (SELECT relay_lag_seconds FROM leader)
            """
        ) { row throws(PostgresError) in
            FactsRow(
                missing: try row.textArray(0),
                clock: try row.float8(1),
                live: try row.int64(2),
                dead: try row.int64(3),
                holder: try row.optionalText(4),
                age: try row.int64(5),
                strays: Int(try row.int64(6)),
                versions: try row.textArray(7),
                isLed: try row.bool(8),
                lag: try row.optionalFloat8(9)
            )
        }
    }

    /// Those of `ids` that no live task has: hints of tasks that ended, or of none that ever was.
    package func withoutTask(among ids: [TaskID]) async throws -> [TaskID] {
        if ids.isEmpty { return [] }
        return try await pool.query(
            Statement(
                """
                SELECT given.id FROM unnest($1::int8[]) AS given (id)
                WHERE NOT EXISTS (SELECT FROM tasks WHERE tasks.id = given.id)
                """,
                [.int8Array(ids.map(\.rawValue))]
            ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
        )
    }
}
