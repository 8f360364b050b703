internal import SluicePostgres

/// What an operator did to many rows at once.
package struct AuditEvent: Sendable {
    package let id: Int64
    /// Microseconds since 1970-01-01 UTC.
    package let at: Int64
    package let who: String
    package let command: String
    /// JSON, by option.
    package let filter: String
    package let count: Int
    package let reason: String?
    /// Nil while it is under way, or when it was interrupted.
    package let endedAt: Int64?
}

extension Store {
    /// Notes that a bulk command begins. Returns the event's number, for `audited`.
    ///
    /// - Parameter filter: a JSON object.
    package func beginAudit(who: String, command: String, filter: String, reason: String?) async throws -> Int64 {
        let rows = try await pool.query(
            Statement(
                "INSERT INTO audit_events (who, command, filter, reason) VALUES ($1, $2, $3::text::jsonb, $4) RETURNING id",
                [.text(who), .text(command), .text(filter), .optionalText(reason)]
            ) { row throws(PostgresError) in try row.int64(0) }
        )
        guard let id = rows.first else { throw PostgresError(.server, "no number of an audit event came back") }
        return id
    }

    /// Adds what a chunk of the command did; the last one ends the event.
    package func audited(_ event: Int64, adding count: Int, isOver: Bool) async throws {
        try await pool.execute(
            Statement(
                """
                UPDATE audit_events SET count = count + $2, ended_at = CASE WHEN $3 THEN clock_timestamp() END WHERE id = $1
                """,
                [.int8(event), .int8(Int64(count)), .bool(isOver)]
            )
        )
    }

    /// The newest events.
    package func auditEvents(limit: Int) async throws -> [AuditEvent] {
        try await pool.query(
            Statement(
                "SELECT id, at, who, command, filter::text, count, reason, ended_at FROM audit_events ORDER BY id DESC LIMIT $1",
                [.int8(Int64(limit))]
            ) { row throws(PostgresError) in
                AuditEvent(
                    id: try row.int64(0),
                    at: try row.timestamp(1),
                    who: try row.text(2),
                    command: try row.text(3),
                    filter: try row.text(4),
                    count: Int(try row.int64(5)),
                    reason: try row.optionalText(6),
                    endedAt: try row.optionalTimestamp(7)
                )
            }
        )
    }
}
