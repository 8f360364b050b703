package import SluiceCore
internal import SluicePostgres

/// A task as operators see it, wherever its row is.
package struct TaskRecord: Sendable {
    package let id: TaskID
    package let tenant: TenantID
    package let queue: QueueName
    package let kind: TaskKind
    package let state: TaskState
    package let priority: Int?
    package let attempt: Int
    package let maxAttempts: Int?
    package let crashCount: Int
    package let batch: BatchID?
    package let uniqueKey: String?
    package let worker: WorkerID?
    package let payload: String
    /// Why it was cancelled, or the error of which it died; of a running one, why it is to be cancelled.
    package let reason: String?
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let runAt: Int64?
    package let claimedAt: Int64?
    package let endedAt: Int64?
    /// What the handler of the attempt that runs said last.
    package let progress: Progress?
    /// A worker process ended while it held the task; it runs alone until it has survived that or is found guilty.
    package let isSuspect: Bool
    /// A dead letter that a bulk retry leaves alone unless it is asked for.
    package let isQuarantined: Bool

    package struct Progress: Sendable, Equatable {
        package let done: Int64
        /// Nil when the handler cannot know it.
        package let total: Int64?
        package let message: String?
        /// Microseconds since 1970-01-01 UTC.
        package let reportedAt: Int64
    }
}

extension Store {
    /// The newest tasks that fit, at most `limit`, greatest number first. Without states: live ones.
    package func tasks(_ filter: TaskFilter, limit: Int) async throws -> [TaskRecord] {
        var filter = filter
        if filter.states.isEmpty { filter.states = TaskState.allCases.filter(\.isLive) }
        var records: [TaskRecord] = []
        for source in [TaskFilter.Source.live, .archive, .dead] where filter.mayMatch(source) {
            let (condition, values) = filter.condition(on: source)
            records += try await pool.query(
                Self.record(
                    "\(Self.columns(source)) WHERE \(condition) ORDER BY id DESC LIMIT $\(values.count + 1)",
                    values + [.int8(Int64(limit))]
                )
            )
        }
        return Array(records.sorted { $0.id > $1.id }.prefix(limit))
    }

    /// How many tasks fit. Reads them all.
    package func countTasks(_ filter: TaskFilter) async throws -> Int {
        var count = 0
        for source in [TaskFilter.Source.live, .archive, .dead] where filter.mayMatch(source) {
            let (condition, values) = filter.condition(on: source)
            let rows = try await pool.query(
                Statement("SELECT count(*) FROM \(source.rawValue) WHERE \(condition)", values) {
                    row throws(PostgresError) in Int(try row.int64(0))
                }
            )
            count += rows.first ?? 0
        }
        return count
    }

    /// One task, live, archived or dead; nil when there is none or its day has been dropped.
    package func task(_ id: TaskID) async throws -> TaskRecord? {
        for source in [TaskFilter.Source.live, .dead, .archive] {
            let found = try await pool.query(
                Self.record("\(Self.columns(source)) WHERE id = $1 LIMIT 1", [.int8(id.rawValue)])
            )
            if let record = found.first { return record }
        }
        return nil
    }

    private static func columns(_ source: TaskFilter.Source) -> String {
        switch source {
        case .live:
            """
            SELECT id, tenant_id, queue, kind, state, priority::int4, attempt, max_attempts::int4, crash_count, batch_id,
                unique_key, lease_owner, payload::text, cancel_reason, created_at, run_at, claimed_at, NULL::timestamptz,
                progress_done, progress_total, progress_message,
                CASE WHEN progress_token = lease_token THEN progress_at END, suspect, false
            FROM tasks
            """
        case .archive:
            """
            SELECT id, tenant_id, queue, kind, state, NULL::int4, attempt, NULL::int4, crash_count, batch_id, unique_key,
                worker, payload::text, reason, created_at, NULL::timestamptz, claimed_at, finished_at,
                NULL::int8, NULL::int8, NULL::text, NULL::timestamptz, false, false
            FROM tasks_archive
            """
        case .dead:
            """
            SELECT id, tenant_id, queue, kind, 'dead', priority::int4, attempt, max_attempts::int4, crash_count, batch_id,
                unique_key, NULL::uuid, payload::text, error_class || ': ' || error_message, created_at,
                NULL::timestamptz, NULL::timestamptz, died_at,
                NULL::int8, NULL::int8, NULL::text, NULL::timestamptz, false, quarantined
            FROM dead_letters
            """
        }
    }

    private static func record(_ sql: String, _ values: [PGValue]) -> Statement<TaskRecord> {
        Statement(sql, values) { row throws(PostgresError) in
            TaskRecord(
                id: TaskID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                queue: QueueName(trusted: try row.text(2)),
                kind: TaskKind(trusted: try row.text(3)),
                state: TaskState(rawValue: try row.text(4)) ?? .available,
                priority: try row.optionalInt32(5),
                attempt: try row.int16(6),
                maxAttempts: try row.optionalInt32(7),
                crashCount: try row.int16(8),
                batch: try row.optionalInt64(9).map { BatchID(rawValue: $0) },
                uniqueKey: try row.optionalText(10),
                worker: try row.optionalUUID(11),
                payload: try row.text(12),
                reason: try row.optionalText(13),
                createdAt: try row.timestamp(14),
                runAt: try row.optionalTimestamp(15),
                claimedAt: try row.optionalTimestamp(16),
                endedAt: try row.optionalTimestamp(17),
                progress: try progress(row),
                isSuspect: try row.bool(22),
                isQuarantined: try row.bool(23)
            )
        }
    }

    private static func progress(_ row: PGRow) throws(PostgresError) -> TaskRecord.Progress? {
        guard let reportedAt = try row.optionalTimestamp(21) else { return nil }
        return TaskRecord.Progress(
            done: try row.optionalInt64(18) ?? 0,
            total: try row.optionalInt64(19),
            message: try row.optionalText(20),
            reportedAt: reportedAt
        )
    }
}
