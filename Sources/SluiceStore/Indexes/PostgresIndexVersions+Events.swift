package import SluiceCore
internal import SluicePostgres

/// What happened to an index.
package struct IndexEvent: Sendable {
    package let index: IndexName
    /// The version's number; nil where it is about none.
    package let number: Int?
    package let event: String
    /// JSON.
    package let detail: String
    /// Microseconds since 1970-01-01 UTC.
    package let at: Int64
}

extension PostgresIndexVersions {
    /// The newest events of one index, or of all, newest first.
    package func events(of index: IndexName?, limit: Int) async throws -> [IndexEvent] {
        try await store.pool.query(
            Statement(
                """
                SELECT indexes.name, index_versions.number, event, detail::text, at
                FROM index_events JOIN indexes ON indexes.id = index_events.index_id
                LEFT JOIN index_versions ON index_versions.id = index_events.version_id
                WHERE $1::text IS NULL OR indexes.name = $1 ORDER BY index_events.id DESC LIMIT $2
                """,
                [.optionalText(index?.rawValue), .int8(Int64(limit))]
            ) { row throws(PostgresError) in
                IndexEvent(
                    index: IndexName(trusted: try row.text(0)),
                    number: try row.optionalInt32(1),
                    event: try row.text(2),
                    detail: try row.text(3),
                    at: try row.timestamp(4)
                )
            }
        )
    }
}
