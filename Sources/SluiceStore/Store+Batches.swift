package import SluiceCore
internal import SluicePostgres

/// A batch's progress. `total = pending + completed + dead + cancelled`.
package struct BatchProgress: Sendable, Equatable {
    package let id: BatchID
    package let tenant: TenantID
    package let label: String
    package let total: Int
    package let pending: Int
    package let completed: Int
    package let dead: Int
    package let cancelled: Int
    /// Of the cancelled: nodes of a workflow whose condition did not come true.
    package let skipped: Int
    /// Nil while it is open.
    package let outcome: Outcome?
    package let onDead: String
    package let isWorkflow: Bool
    package let parent: BatchID?
    package let isCancelRequested: Bool
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let finishedAt: Int64?

    package enum Outcome: String, Sendable, Codable { case completed, failed, cancelled, skipped }
}

extension Store {
    /// Makes a tenant known; nothing when it is.
    package func ensureTenant(_ tenant: TenantID) async throws {
        try await pool.execute(
            Statement("INSERT INTO tenants (id) VALUES ($1) ON CONFLICT DO NOTHING", [.text(tenant.rawValue)])
        )
    }

    package func createBatch(tenant: TenantID, label: String) async throws -> BatchID {
        try await pool.transaction { try await createBatch(tenant: tenant, label: label, in: $0) }
    }

    func createBatch(
        tenant: TenantID,
        label: String,
        in transaction: PostgresTransaction
    ) async throws -> BatchID {
        let rows = try await transaction.query(
            Statement(
                "INSERT INTO batches (tenant_id, label) VALUES ($1, $2) RETURNING id",
                [.text(tenant.rawValue), .text(String(label.prefix(500)))]
            ) { row throws(PostgresError) in BatchID(rawValue: try row.int64(0)) }
        )
        guard let batch = rows.first else { throw PostgresError(.server, "no batch id came back") }
        return batch
    }

    package func batch(_ id: BatchID, tenant: TenantID) async throws -> BatchProgress? {
        try await batches("id = $2 AND tenant_id = $1", [.text(tenant.rawValue), .int8(id.rawValue)], limit: 1).first
    }

    /// The tenant's newest batches.
    package func batches(tenant: TenantID, limit: Int) async throws -> [BatchProgress] {
        try await batches("tenant_id = $1", [.text(tenant.rawValue)], limit: limit)
    }

    private func batches(_ condition: String, _ values: [PGValue], limit: Int) async throws -> [BatchProgress] {
        try await pool.query(
            Statement(
                """
                SELECT id, tenant_id, label, total, pending, completed, dead, cancelled, created_at, finished_at,
                    skipped, outcome, on_dead, is_workflow, parent_id, cancel_requested_at IS NOT NULL
                FROM batches WHERE \(condition) ORDER BY id DESC LIMIT $\(values.count + 1)
                """,
                values + [.int8(Int64(limit))]
            ) { row throws(PostgresError) in
                BatchProgress(
                    id: BatchID(rawValue: try row.int64(0)),
                    tenant: TenantID(trusted: try row.text(1)),
                    label: try row.text(2),
                    total: Int(try row.int64(3)),
                    pending: Int(try row.int64(4)),
                    completed: Int(try row.int64(5)),
                    dead: Int(try row.int64(6)),
                    cancelled: Int(try row.int64(7)),
                    skipped: Int(try row.int64(10)),
                    outcome: try row.optionalText(11).flatMap(BatchProgress.Outcome.init(rawValue:)),
                    onDead: try row.text(12),
                    isWorkflow: try row.bool(13),
                    parent: try row.optionalInt64(14).map { BatchID(rawValue: $0) },
                    isCancelRequested: try row.bool(15),
                    createdAt: try row.timestamp(8),
                    finishedAt: try row.optionalTimestamp(9)
                )
            }
        )
    }
}
