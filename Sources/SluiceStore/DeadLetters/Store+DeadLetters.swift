package import SluiceCore
internal import SluicePostgres

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
    package let fingerprint: String
    package let isQuarantined: Bool
    package let payload: String
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let diedAt: Int64
}

/// Dead letters of one fingerprint.
package struct DeadLetterGroup: Sendable {
    package let fingerprint: String
    package let count: Int
    /// Microseconds since 1970-01-01 UTC.
    package let firstAt: Int64
    package let lastAt: Int64
    package let kinds: [String]
    /// The newest of them.
    package let sample: TaskID
    package let message: String
}

extension Store {
    /// The dead letters that fit, newest first, or oldest first for acting on them.
    package func deadLetters(
        _ filter: DeadLetterFilter,
        limit: Int,
        newestFirst: Bool = true
    ) async throws -> [DeadLetter] {
        let (condition, values) = filter.condition(newestFirst: newestFirst)
        let order = newestFirst ? "died_at DESC, id DESC" : "died_at, id"
        return try await pool.query(
            Statement(
                """
                SELECT id, tenant_id, queue, kind, attempt, crash_count, batch_id, error_class, error_message, fingerprint,
                    quarantined, payload::text, created_at, died_at
                FROM dead_letters AS letter WHERE \(condition) ORDER BY \(order) LIMIT $\(values.count + 1)
                """,
                values + [.int8(Int64(limit))]
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
                    fingerprint: try row.text(9),
                    isQuarantined: try row.bool(10),
                    payload: try row.text(11),
                    createdAt: try row.timestamp(12),
                    diedAt: try row.timestamp(13)
                )
            }
        )
    }

    package func countDeadLetters(_ filter: DeadLetterFilter) async throws -> Int {
        let (condition, values) = filter.condition(newestFirst: true)
        let rows = try await pool.query(
            Statement("SELECT count(*) FROM dead_letters AS letter WHERE \(condition)", values) {
                row throws(PostgresError) in Int(try row.int64(0))
            }
        )
        return rows.first ?? 0
    }

    /// By fingerprint, the largest groups first.
    package func deadLetterGroups(_ filter: DeadLetterFilter, limit: Int) async throws -> [DeadLetterGroup] {
        let (condition, values) = filter.condition(newestFirst: true)
        return try await pool.query(
            Statement(
                """
                WITH groups AS (
                    SELECT fingerprint, count(*) AS count, min(died_at) AS first, max(died_at) AS last,
                        array_agg(DISTINCT kind) AS kinds, (max(ARRAY[extract(epoch FROM died_at)::numeric, id]))[2]::int8 AS sample
                    FROM dead_letters AS letter WHERE \(condition) GROUP BY fingerprint
                    ORDER BY count DESC, last DESC LIMIT $\(values.count + 1)
                )
                SELECT groups.fingerprint, groups.count, first, last, kinds, sample, sampled.error_message
                FROM groups JOIN dead_letters AS sampled ON sampled.id = sample ORDER BY groups.count DESC, last DESC
                """,
                values + [.int8(Int64(limit))]
            ) { row throws(PostgresError) in
                DeadLetterGroup(
                    fingerprint: try row.text(0),
                    count: Int(try row.int64(1)),
                    firstAt: try row.timestamp(2),
                    lastAt: try row.timestamp(3),
                    kinds: try row.textArray(4),
                    sample: TaskID(rawValue: try row.int64(5)),
                    message: try row.text(6)
                )
            }
        )
    }
}
