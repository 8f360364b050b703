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
    /// Why it was cancelled, or the error of which it died.
    package let reason: String?
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let runAt: Int64?
    package let claimedAt: Int64?
    package let endedAt: Int64?
}

/// One attempt that ended without settling its task.
package struct AttemptRecord: Sendable {
    package let attempt: Int
    package let token: LeaseToken
    package let worker: WorkerID?
    package let outcome: String
    package let errorClass: String?
    package let errorMessage: String?
    /// Microseconds since 1970-01-01 UTC.
    package let claimedAt: Int64?
    package let endedAt: Int64
}

/// Which tasks `tasks ls` shows; nil means any.
package struct TaskFilter: Sendable {
    package var tenant: TenantID?
    package var queue: QueueName?
    package var kind: TaskKind?
    package var batch: BatchID?

    package init(tenant: TenantID? = nil, queue: QueueName? = nil, kind: TaskKind? = nil, batch: BatchID? = nil) {
        self.tenant = tenant
        self.queue = queue
        self.kind = kind
        self.batch = batch
    }

    fileprivate var parameters: [PGValue] {
        [
            .optionalText(tenant?.rawValue), .optionalText(queue?.rawValue), .optionalText(kind?.rawValue),
            .optionalInt8(batch?.rawValue),
        ]
    }

    fileprivate static let condition = """
        ($1::text IS NULL OR tenant_id = $1) AND ($2::text IS NULL OR queue = $2) AND ($3::text IS NULL OR kind = $3)
            AND ($4::int8 IS NULL OR batch_id = $4)
        """
}

extension Store {
    /// The newest tasks in one of these states.
    package func tasks(_ filter: TaskFilter, states: [TaskState], limit: Int) async throws -> [TaskRecord] {
        let live = states.filter(\.isLive)
        var records: [TaskRecord] = []
        if !live.isEmpty {
            records += try await pool.query(
                Self.record(
                    "\(Self.liveColumns) FROM tasks WHERE \(TaskFilter.condition) AND state = ANY ($6)",
                    filter.parameters + [.int8(Int64(limit)), .textArray(live.map(\.rawValue))]
                )
            )
        }
        let settled = states.filter { $0 == .completed || $0 == .cancelled }
        if !settled.isEmpty {
            records += try await pool.query(
                Self.record(
                    "\(Self.archiveColumns) FROM tasks_archive WHERE \(TaskFilter.condition) AND state = ANY ($6)",
                    filter.parameters + [.int8(Int64(limit)), .textArray(settled.map(\.rawValue))]
                )
            )
        }
        if states.contains(.dead) {
            records += try await pool.query(
                Self.record(
                    "\(Self.deadColumns) FROM dead_letters WHERE \(TaskFilter.condition)",
                    filter.parameters + [.int8(Int64(limit))]
                )
            )
        }
        return Array(records.sorted { $0.id > $1.id }.prefix(limit))
    }

    /// One task, live, archived or dead; nil when there is none or its day has been dropped.
    package func task(_ id: TaskID) async throws -> TaskRecord? {
        for source in [
            "\(Self.liveColumns) FROM tasks", "\(Self.deadColumns) FROM dead_letters",
            "\(Self.archiveColumns) FROM tasks_archive",
        ] {
            let found = try await pool.query(
                Self.record("\(source) WHERE id = $1", [.int8(id.rawValue)], limit: "1")
            )
            if let record = found.first { return record }
        }
        return nil
    }

    /// The attempts of a task that did not settle it, oldest first.
    package func attempts(of id: TaskID) async throws -> [AttemptRecord] {
        try await pool.query(
            Statement(
                """
                SELECT attempt, lease_token, worker, outcome, error_class, error_message, claimed_at, ended_at
                FROM attempts WHERE task_id = $1 ORDER BY lease_token
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
                    endedAt: try row.timestamp(7)
                )
            }
        )
    }

    private static let liveColumns = """
        SELECT id, tenant_id, queue, kind, state, priority::int4, attempt, max_attempts::int4, crash_count, batch_id,
            unique_key, lease_owner, payload::text, NULL::text, created_at, run_at, claimed_at, NULL::timestamptz
        """
    private static let archiveColumns = """
        SELECT id, tenant_id, queue, kind, state, NULL::int4, attempt, NULL::int4, crash_count, batch_id, unique_key,
            worker, payload::text, reason, created_at, NULL::timestamptz, claimed_at, finished_at
        """
    private static let deadColumns = """
        SELECT id, tenant_id, queue, kind, 'dead', priority::int4, attempt, max_attempts::int4, crash_count, batch_id,
            unique_key, NULL::uuid, payload::text, error_class || ': ' || error_message, created_at, NULL::timestamptz,
            NULL::timestamptz, died_at
        """

    private static func record(_ sql: String, _ values: [PGValue], limit: String = "$5") -> Statement<TaskRecord> {
        Statement("\(sql) ORDER BY id DESC LIMIT \(limit)", values) { row throws(PostgresError) in
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
                endedAt: try row.optionalTimestamp(17)
            )
        }
    }
}
