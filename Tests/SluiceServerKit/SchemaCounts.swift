internal import SluiceCore
internal import SluicePostgres
internal import SluiceStore

/// What a schema holds, for checks that nothing is lost, doubled or left over.
package struct SchemaCounts: Sendable {
    package let chunks: Int
    package let embeddings: Int
    package let staged: Int
    package let liveTasks: Int
}

extension TestServers {
    /// Counts of a schema with one index version.
    package static func counts(schema: String) async throws -> SchemaCounts {
        let store = try store(schema: schema, poolSize: 2)
        defer { store.close() }
        let rows = try await store.pool.query(
            Statement(
                """
                SELECT (SELECT count(*) FROM chunks), (SELECT count(*) FROM embeddings_g1),
                    (SELECT count(*) FROM staged_chunks), (SELECT count(*) FROM tasks)
                """
            ) { row throws(PostgresError) in
                SchemaCounts(
                    chunks: Int(try row.int64(0)),
                    embeddings: Int(try row.int64(1)),
                    staged: Int(try row.int64(2)),
                    liveTasks: Int(try row.int64(3))
                )
            }
        )
        guard let counts = rows.first else { throw Missing() }
        return counts
    }
}
