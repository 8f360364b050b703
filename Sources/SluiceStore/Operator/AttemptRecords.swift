package import SluiceCore
internal import SluicePostgres

/// One attempt of a task: one that runs, one that ended without settling the task, or the one that settled it.
package struct AttemptRecord: Sendable {
    package let attempt: Int
    package let token: LeaseToken
    package let worker: WorkerID?
    /// `running`, `failed`, `snoozed`, `released`, `lost`, `deadline`, `completed`, `cancelled`.
    package let outcome: String
    package let errorClass: String?
    package let errorMessage: String?
    /// Microseconds since 1970-01-01 UTC.
    package let claimedAt: Int64?
    /// Nil while it runs.
    package let endedAt: Int64?
}

extension Store {
    /// Every attempt of a task, oldest first. An attempt that was refunded shares its number with the next one; tokens differ.
    package func attempts(of id: TaskID) async throws -> [AttemptRecord] {
        try await pool.query(
            Statement(
                """
                SELECT attempt, lease_token, worker, outcome, error_class, error_message, claimed_at, ended_at
                FROM attempts WHERE task_id = $1
                UNION ALL
                SELECT attempt, lease_token, lease_owner, 'running', NULL, NULL, claimed_at, NULL
                FROM tasks WHERE id = $1 AND state = 'running'
                UNION ALL
                SELECT attempt, lease_token, worker, state, NULL, reason, claimed_at, finished_at
                FROM tasks_archive WHERE id = $1 AND lease_token IS NOT NULL
                    AND NOT EXISTS (SELECT FROM attempts AS kept
                        WHERE kept.task_id = $1 AND kept.lease_token = tasks_archive.lease_token)
                ORDER BY lease_token
                """,
                [.int8(id.rawValue)]
            ) { row throws(PostgresError) in
                AttemptRecord(
                    attempt: try row.int16(0),
                    token: LeaseToken(rawValue: try row.int64(1)),
                    worker: try row.optionalUUID(2),
                    outcome: try row.text(3),
                    errorClass: try row.optionalText(4),
                    errorMessage: try row.optionalText(5),
                    claimedAt: try row.optionalTimestamp(6),
                    endedAt: try row.optionalTimestamp(7)
                )
            }
        )
    }
}
