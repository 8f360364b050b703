package import SluiceCore
internal import SluicePostgres

/// A tenant as operators see it.
package struct TenantRecord: Sendable {
    package let id: TenantID
    /// Its share against others, 1...1,000.
    package let weight: Int
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let running: Int
}

/// What one tenant has waiting in one queue.
package struct TenantBacklogRecord: Sendable {
    package let queue: QueueName
    package let ready: Int
    package let running: Int
}

extension Store {
    package func tenants(limit: Int) async throws -> [TenantRecord] {
        try await pool.query(TenantStatements.list(limit))
    }

    package func tenant(_ id: TenantID) async throws -> TenantRecord? {
        try await pool.query(TenantStatements.one(id)).first
    }

    /// What the tenant has waiting and running, by queue. Counts its ready tasks, so it costs what they are.
    package func backlog(of tenant: TenantID) async throws -> [TenantBacklogRecord] {
        try await pool.query(TenantStatements.backlog(tenant))
    }

    /// Makes a tenant known, or gives it another weight. False when it was not known and `isNew` is false.
    package func setWeight(_ weight: Int, of tenant: TenantID, isNew: Bool = false) async throws -> Bool {
        if isNew { try await ensureTenant(tenant) }
        return try await pool.execute(TenantStatements.setWeight(tenant, weight)) > 0
    }

    /// Kinds that run now, with how many.
    package func runningKinds() async throws -> [TaskKind: Int] {
        Dictionary(try await pool.query(TenantStatements.runningKinds())) { $0 + $1 }
    }
}

/// Tenants for operators. Index: `tasks_running_idx` for what runs, `tasks_streams_idx` for what waits.
enum TenantStatements {
    static func list(_ limit: Int) -> Statement<TenantRecord> {
        Statement(
            """
            SELECT id, weight, created_at, coalesce(running.count, 0) FROM tenants LEFT JOIN (
                SELECT tenant_id, count(*) FROM tasks WHERE state = 'running' GROUP BY tenant_id
            ) AS running ON running.tenant_id = tenants.id
            ORDER BY id LIMIT $1
            """,
            [.int8(Int64(limit))],
            decode: record
        )
    }

    static func one(_ tenant: TenantID) -> Statement<TenantRecord> {
        Statement(
            """
            SELECT id, weight, created_at,
                (SELECT count(*) FROM tasks WHERE state = 'running' AND tenant_id = tenants.id)
            FROM tenants WHERE id = $1
            """,
            [.text(tenant.rawValue)],
            decode: record
        )
    }

    private static let record: @Sendable (PGRow) throws(PostgresError) -> TenantRecord = { row throws(PostgresError) in
        TenantRecord(
            id: TenantID(trusted: try row.text(0)),
            weight: try row.int32(1),
            createdAt: try row.timestamp(2),
            running: Int(try row.int64(3))
        )
    }

    static func backlog(_ tenant: TenantID) -> Statement<TenantBacklogRecord> {
        Statement(
            """
            SELECT queues.name, ready.count, coalesce(running.count, 0)
            FROM queues CROSS JOIN LATERAL (
                SELECT count(*) FROM tasks WHERE queue = queues.name AND tenant_id = $1 AND state = 'available'
            ) AS ready LEFT JOIN (
                SELECT queue, count(*) FROM tasks WHERE state = 'running' AND tenant_id = $1 GROUP BY queue
            ) AS running ON running.queue = queues.name
            WHERE ready.count > 0 OR running.count > 0 ORDER BY queues.name
            """,
            [.text(tenant.rawValue)]
        ) { row throws(PostgresError) in
            TenantBacklogRecord(
                queue: QueueName(trusted: try row.text(0)),
                ready: Int(try row.int64(1)),
                running: Int(try row.int64(2))
            )
        }
    }

    static func setWeight(_ tenant: TenantID, _ weight: Int) -> Statement<Void> {
        Statement("UPDATE tenants SET weight = $2 WHERE id = $1", [.text(tenant.rawValue), .int4(weight)])
    }

    static func runningKinds() -> Statement<(TaskKind, Int)> {
        Statement("SELECT kind, count(*) FROM tasks WHERE state = 'running' GROUP BY kind") {
            row throws(PostgresError) in (TaskKind(trusted: try row.text(0)), Int(try row.int64(1)))
        }
    }
}
