package import SluiceCore
internal import SluicePostgres

/// Which dead letters; nil means any.
package struct DeadLetterFilter: Sendable {
    package var ids: [TaskID]?
    package var tenant: TenantID?
    package var queue: QueueName?
    package var kind: TaskKind?
    package var errorClass: String?
    /// For retries by filter: whether those that are quarantined too are meant. Those named by their ids always are.
    package var includesQuarantined = false

    package init(
        ids: [TaskID]? = nil,
        tenant: TenantID? = nil,
        queue: QueueName? = nil,
        kind: TaskKind? = nil,
        errorClass: String? = nil
    ) {
        self.ids = ids
        self.tenant = tenant
        self.queue = queue
        self.kind = kind
        self.errorClass = errorClass
    }

    /// Binds as $1…$5.
    var parameters: [PGValue] {
        [
            ids.map { .int8Array($0.map(\.rawValue)) } ?? .null,
            .optionalText(tenant?.rawValue), .optionalText(queue?.rawValue), .optionalText(kind?.rawValue),
            .optionalText(errorClass),
        ]
    }

    static let condition = """
        ($1::int8[] IS NULL OR id = ANY ($1)) AND ($2::text IS NULL OR tenant_id = $2)
            AND ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR kind = $4)
            AND ($5::text IS NULL OR error_class = $5)
        """
}

package struct DeadLetter: Sendable {
    package let id: TaskID
    package let tenant: TenantID
    package let queue: QueueName
    package let kind: TaskKind
    package let attempts: Int
    package let crashCount: Int
    package let batch: BatchID?
    package let errorClass: String
    package let errorMessage: String
    package let payload: String
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let diedAt: Int64
}

extension Store {
    /// The newest dead letters that fit.
    package func deadLetters(_ filter: DeadLetterFilter, limit: Int) async throws -> [DeadLetter] {
        try await pool.query(
            Statement(
                """
                SELECT id, tenant_id, queue, kind, attempt, crash_count, batch_id, error_class, error_message,
                    payload::text, created_at, died_at
                FROM dead_letters WHERE \(DeadLetterFilter.condition) ORDER BY died_at DESC, id DESC LIMIT $6
                """,
                filter.parameters + [.int8(Int64(limit))]
            ) { row throws(PostgresError) in
                DeadLetter(
                    id: TaskID(rawValue: try row.int64(0)),
                    tenant: TenantID(trusted: try row.text(1)),
                    queue: QueueName(trusted: try row.text(2)),
                    kind: TaskKind(trusted: try row.text(3)),
                    attempts: try row.int16(4),
                    crashCount: try row.int16(5),
                    batch: try row.optionalInt64(6).map { BatchID(rawValue: $0) },
                    errorClass: try row.text(7),
                    errorMessage: try row.text(8),
                    payload: try row.text(9),
                    createdAt: try row.timestamp(10),
                    diedAt: try row.timestamp(11)
                )
            }
        )
    }

    /// Makes dead letters available again with fresh attempts and crash counts, oldest first, at most `limit`.
    ///
    /// Quarantined ones only when they are asked for.
    /// One whose unique key a newer live task has stays dead: the newer task does its work. Their batches go on.
    package func retryDead(_ filter: DeadLetterFilter, limit: Int) async throws -> [(id: TaskID, queue: QueueName)] {
        try await pool.query(
            Statement(
                """
                WITH picked AS MATERIALIZED (
                    SELECT id FROM dead_letters AS letter WHERE \(DeadLetterFilter.condition)
                        AND ($7 OR NOT quarantined) AND (unique_key IS NULL OR NOT EXISTS (
                            SELECT FROM tasks WHERE tasks.tenant_id = letter.tenant_id AND tasks.kind = letter.kind
                                AND tasks.unique_key = letter.unique_key
                        ) AND NOT EXISTS (
                            SELECT FROM dead_letters AS newer WHERE newer.tenant_id = letter.tenant_id
                                AND newer.kind = letter.kind AND newer.unique_key = letter.unique_key
                                AND newer.id > letter.id
                        ))
                    ORDER BY died_at, id LIMIT $6 FOR UPDATE SKIP LOCKED
                ), raised AS (
                    DELETE FROM dead_letters USING picked WHERE dead_letters.id = picked.id RETURNING dead_letters.*
                ), again AS (
                    INSERT INTO tasks (
                        id, tenant_id, queue, kind, state, priority, max_attempts, timeout_seconds, payload_version,
                        payload, batch_id, unique_key, created_at
                    )
                    SELECT id, tenant_id, queue, kind, 'available', priority, max_attempts, timeout_seconds,
                        payload_version, payload, batch_id, unique_key, created_at
                    FROM raised
                ), counts AS (
                    SELECT batch_id, count(*) AS count FROM raised WHERE batch_id IS NOT NULL GROUP BY batch_id
                ), counted AS (
                    UPDATE batches SET pending = pending + count, dead = dead - count, finished_at = NULL
                    FROM counts WHERE batches.id = counts.batch_id
                )
                SELECT id, queue FROM raised
                """,
                filter.parameters + [.int8(Int64(limit)), .bool(filter.includesQuarantined || filter.ids != nil)]
            ) { row throws(PostgresError) in (TaskID(rawValue: try row.int64(0)), QueueName(trusted: try row.text(1))) }
        )
    }
}
