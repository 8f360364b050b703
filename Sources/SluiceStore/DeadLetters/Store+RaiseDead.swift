package import SluiceCore
internal import SluicePostgres

/// A dead letter that was made a live task again.
package struct RaisedTask: Sendable, Equatable {
    package let id: TaskID
    package let queue: QueueName
    /// False: it waits for its `run_at`, for the sake of the rate.
    package let isAvailable: Bool
}

/// What one chunk of a bulk command did.
package struct DeadLetterChunk: Sendable {
    package let raised: [RaisedTask]
    /// Rows read, those included that had to stay.
    package let seen: Int
    /// Where the next chunk begins; nil when this was the last.
    package let next: DeadLetterCursor?
}

extension Store {
    /// Makes dead letters available again with fresh attempts and crash counts, oldest first, at most `limit`.
    ///
    /// Quarantined ones only when they are asked for.
    /// One whose unique key a newer live task has stays dead: the newer task does its work. Their batches go on.
    package func retryDead(_ filter: DeadLetterFilter, limit: Int) async throws -> [RaisedTask] {
        try await raiseDead(filter, limit: limit).raised
    }

    /// One chunk of a bulk retry. Each chunk is a transaction of its own; what is raised is no dead letter any more, so an
    /// interrupted command goes on when it is given again.
    ///
    /// - Parameters:
    ///   - spacing: time between one task's `run_at` and the next one's; zero: all at once.
    ///   - delay: the first one's, from now.
    package func raiseDead(
        _ filter: DeadLetterFilter,
        limit: Int,
        spacing: Duration = .zero,
        delay: Duration = .zero
    ) async throws -> DeadLetterChunk {
        let (condition, values) = filter.forRetry.condition(newestFirst: false)
        let n = values.count
        let rows = try await pool.query(
            Statement(
                """
                WITH picked AS MATERIALIZED (
                    SELECT id, died_at FROM dead_letters AS letter WHERE \(condition)
                    ORDER BY died_at, id LIMIT $\(n + 1) FOR UPDATE SKIP LOCKED
                ), raisable AS MATERIALIZED (
                    SELECT letter.id, row_number() OVER (ORDER BY letter.died_at, letter.id) - 1 AS place
                    FROM picked JOIN dead_letters AS letter USING (id)
                    WHERE letter.unique_key IS NULL OR NOT EXISTS (
                        SELECT FROM tasks WHERE tasks.tenant_id = letter.tenant_id AND tasks.kind = letter.kind
                            AND tasks.unique_key = letter.unique_key
                    ) AND NOT EXISTS (
                        SELECT FROM dead_letters AS newer WHERE newer.tenant_id = letter.tenant_id
                            AND newer.kind = letter.kind AND newer.unique_key = letter.unique_key AND newer.id > letter.id
                    )
                ), raised AS (
                    DELETE FROM dead_letters USING raisable WHERE dead_letters.id = raisable.id
                    RETURNING dead_letters.*, $\(n + 3) + place * $\(n + 2) AS delay
                ), again AS (
                    INSERT INTO tasks (
                        id, tenant_id, queue, kind, state, run_at, priority, max_attempts, timeout_seconds, payload_version,
                        payload, batch_id, unique_key, created_at
                    )
                    SELECT id, tenant_id, queue, kind, CASE WHEN delay > 0 THEN 'scheduled' ELSE 'available' END,
                        now() + make_interval(secs => delay), priority, max_attempts, timeout_seconds, payload_version,
                        payload, batch_id, unique_key, created_at
                    FROM raised
                ), \(BatchAccounting.move("raised", from: .dead, to: .pending))
                SELECT picked.id, raised.queue, raised.delay > 0, picked.died_at
                FROM picked LEFT JOIN raised USING (id) ORDER BY picked.died_at, picked.id
                """,
                values + [.int8(Int64(limit)), .float8(spacing.inSeconds), .float8(delay.inSeconds)]
            ) { row throws(PostgresError) in
                let id = TaskID(rawValue: try row.int64(0))
                let raised = try row.optionalText(1).map { queue throws(PostgresError) in
                    RaisedTask(id: id, queue: QueueName(trusted: queue), isAvailable: try row.optionalBool(2) == false)
                }
                return (id: id, raised: raised, diedAt: try row.timestamp(3))
            }
        )
        let next =
            rows.count < limit
            ? nil
            : rows.last.map {
                DeadLetterCursor(diedAt: $0.diedAt - 946_684_800_000_000, id: $0.id)
            }
        return DeadLetterChunk(raised: rows.compactMap(\.raised), seen: rows.count, next: next)
    }

    /// Gives dead letters up, oldest first, at most `limit`: to the archive as cancelled. What waited for them in workflows
    /// is judged as after a failure. Returns how many.
    package func purgeDead(_ filter: DeadLetterFilter, limit: Int, reason: String) async throws -> Int {
        let (condition, values) = filter.condition(newestFirst: false)
        let n = values.count
        let rows = try await pool.query(
            Statement(
                """
                WITH picked AS MATERIALIZED (
                    SELECT id FROM dead_letters AS letter WHERE \(condition)
                    ORDER BY died_at, id LIMIT $\(n + 1) FOR UPDATE SKIP LOCKED
                ), gone AS (
                    DELETE FROM dead_letters USING picked WHERE dead_letters.id = picked.id RETURNING dead_letters.*
                ), archived AS (
                    INSERT INTO tasks_archive (
                        id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload, batch_id,
                        unique_key, reason, created_at
                    )
                    SELECT id, tenant_id, queue, kind, 'cancelled', attempt, crash_count, payload_version, payload, batch_id,
                        unique_key, $\(n + 2) || '; died of ' || error_class || ': ' || error_message, created_at
                    FROM gone
                ), \(BatchAccounting.move("gone", from: .dead, to: .cancelled))
                SELECT count(*) FROM gone
                """,
                values + [.int8(Int64(limit)), .text(reason)]
            ) { row throws(PostgresError) in Int(try row.int64(0)) }
        )
        return rows.first ?? 0
    }
}
