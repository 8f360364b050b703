package import SluiceCore
internal import SluicePostgres

/// What the cancellation of a batch did.
package struct BatchCancellation: Sendable, Equatable {
    /// Tasks that had not begun, now cancelled.
    package var cancelled = 0
    /// Tasks that run: their workers are told to stop them.
    package var asked = 0

    package init(cancelled: Int = 0, asked: Int = 0) {
        self.cancelled = cancelled
        self.asked = asked
    }
}

extension Store {
    private static let cancelChunk = 5_000

    /// Cancels a batch with all batches inside: what waits ends at once, what runs is asked to stop.
    ///
    /// In chunks, each a transaction of its own; given again, an interrupted cancellation goes on. Nil when the tenant has no
    /// such batch.
    ///
    /// - Parameter reason: kept with every task.
    package func cancelBatch(_ id: BatchID, tenant: TenantID, reason: String) async throws -> BatchCancellation? {
        let tree = try await pool.query(Self.mark(id, tenant))
        if tree.isEmpty { return nil }
        var result = BatchCancellation()
        // Tasks that are being claimed or settled right now are passed over, so that no lock is waited for while the
        // batch's is held: one more look finds them.
        for _ in 0..<100 {
            while true {
                let count = try await pool.transaction { transaction in
                    try await transaction.execute(Self.lock(id))
                    return try await transaction.query(Self.cancelWaiting(tree, reason, Self.cancelChunk)).first ?? 0
                }
                result.cancelled += count
                if count == 0 { break }
            }
            result.asked += try await pool.execute(Self.askRunning(tree, reason))
            if try await pool.query(Self.waiting(tree)).first == 0 { break }
        }
        return result
    }

    /// The batch and all inside it, marked: dead letters hold them open no longer.
    private static func mark(_ id: BatchID, _ tenant: TenantID) -> Statement<BatchID> {
        Statement(
            """
            WITH RECURSIVE root AS MATERIALIZED (
                SELECT id FROM batches
                WHERE id = (SELECT coalesce(root_id, id) FROM batches WHERE id = $1 AND tenant_id = $2)
                FOR NO KEY UPDATE
            ), tree AS (
                SELECT batches.id FROM batches, root WHERE batches.id = $1
                UNION ALL
                SELECT batches.id FROM tree JOIN batches ON batches.parent_id = tree.id
            )
            UPDATE batches SET cancel_requested_at = coalesce(cancel_requested_at, now())
            WHERE id = ANY (ARRAY(SELECT id FROM tree)) RETURNING id
            """,
            [.int8(id.rawValue), .text(tenant.rawValue)]
        ) { row throws(PostgresError) in BatchID(rawValue: try row.int64(0)) }
    }

    /// The row that orders all who count anywhere in the batch's tree.
    private static func lock(_ id: BatchID) -> Statement<Void> {
        Statement(
            """
            SELECT FROM batches WHERE id = (SELECT coalesce(root_id, id) FROM batches WHERE id = $1) FOR NO KEY UPDATE
            """,
            [.int8(id.rawValue)]
        )
    }

    private static func cancelWaiting(_ tree: [BatchID], _ reason: String, _ limit: Int) -> Statement<Int> {
        Statement(
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM tasks WHERE batch_id = ANY ($1::int8[]) AND state <> 'running'
                ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
            ), gone AS (
                DELETE FROM tasks USING picked WHERE tasks.id = picked.id RETURNING tasks.*, $2::text AS reason
            ), \(SettleStatements.archived(.cancelled))
            SELECT count(*) FROM gone
            """,
            [.int8Array(tree.map(\.rawValue)), .text(reason), .int8(Int64(limit))]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    private static func askRunning(_ tree: [BatchID], _ reason: String) -> Statement<Void> {
        Statement(
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM tasks WHERE batch_id = ANY ($1::int8[]) AND state = 'running' AND cancel_reason IS NULL
                ORDER BY id FOR UPDATE
            )
            UPDATE tasks SET cancel_reason = $2 FROM picked WHERE tasks.id = picked.id
            """,
            [.int8Array(tree.map(\.rawValue)), .text(reason)]
        )
    }

    private static func waiting(_ tree: [BatchID]) -> Statement<Int> {
        Statement(
            "SELECT count(*) FROM tasks WHERE batch_id = ANY ($1::int8[]) AND state <> 'running'",
            [.int8Array(tree.map(\.rawValue))]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }
}
