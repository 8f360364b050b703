internal import SluicePostgres

/// Words stay when the chunks that had them go: another may have them too, and to look would cost every ingest. So it is looked now
/// and then.
extension PostgresUpkeepStore {
    private struct Page: Sendable {
        let last: Int64?
        let unused: [Int64]
    }

    /// No chunk has it, or two transactions met it at the same time and this is the second entry.
    private static func isUnused(_ word: String) -> String {
        """
        (NOT sluice_is_held(\(word).term) OR EXISTS (
            SELECT FROM words AS first WHERE first.tenant_id = \(word).tenant_id AND first.index_id = \(word).index_id
                AND first.term = \(word).term AND first.id < \(word).id
        ))
        """
    }

    private static func page(from position: Int64) -> Statement<Page> {
        Statement(
            """
            WITH page AS MATERIALIZED (
                SELECT id, tenant_id, index_id, term FROM words WHERE id >= $1 ORDER BY id LIMIT 5000
            )
            SELECT (SELECT max(id) FROM page), ARRAY(SELECT id FROM page WHERE \(isUnused("page")))
            """,
            [.int8(position)]
        ) { row throws(PostgresError) in Page(last: try row.optionalInt64(0), unused: try row.int64Array(1)) }
    }

    private static func remove(_ ids: [Int64]) -> Statement<Void> {
        Statement("DELETE FROM words WHERE id = ANY ($1::int8[]) AND \(isUnused("words"))", [.int8Array(ids)])
    }

    package func removeUnusedWords(from position: Int64) async throws -> (removed: Int, next: Int64?) {
        guard let page = try await store.pool.query(Self.page(from: position)).first, let last = page.last else {
            return (0, nil)
        }
        guard !page.unused.isEmpty else { return (0, last + 1) }
        let removed = try await store.pool.transaction { transaction in
            // Chunks that come count on the words that are there: either they are seen by what follows, or they look after it.
            try await transaction.script("LOCK TABLE words IN SHARE ROW EXCLUSIVE MODE")
            return try await transaction.execute(Self.remove(page.unused))
        }
        return (removed, last + 1)
    }
}
