internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Words stay when the chunks that had them go: another may have them too, and to look would cost every ingest. So it is looked now
/// and then, and when a document is erased.
enum UnusedWords {
    struct Page: Sendable {
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

    /// Some thousands from a place on, beside all who write.
    ///
    /// - Parameter tenant: nil for all.
    /// - Index: the primary key.
    static func page(from position: Int64, of tenant: TenantID? = nil) -> Statement<Page> {
        Statement(
            """
            WITH page AS MATERIALIZED (
                SELECT id, tenant_id, index_id, term FROM words WHERE id >= $1 ORDER BY id LIMIT 5000
            )
            SELECT (SELECT max(id) FROM page), ARRAY(
                SELECT id FROM page WHERE ($2::text IS NULL OR tenant_id = $2) AND \(isUnused("page"))
            )
            """,
            [.int8(position), .optionalText(tenant?.rawValue)]
        ) { row throws(PostgresError) in Page(last: try row.optionalInt64(0), unused: try row.int64Array(1)) }
    }

    /// Those of them that are unused still. Chunks that come count on the words that are there: with the lock either they are seen
    /// here, or they look after this has ended.
    static func remove(_ ids: [Int64]) -> Statement<Void> {
        Statement(
            "DELETE FROM words WHERE id = ANY ($1::int8[]) AND \(isUnused("words"))",
            [.int8Array(ids)]
        )
    }

    static let lock = "LOCK TABLE words IN SHARE ROW EXCLUSIVE MODE"
    /// Under one lock: each is looked up anew, and ingests wait.
    private static let portion = 500

    static func portions(_ ids: [Int64]) -> [ArraySlice<Int64>] {
        stride(from: 0, to: ids.count, by: portion).map { ids[$0..<min($0 + portion, ids.count)] }
    }
}

extension PostgresUpkeepStore {
    package func removeUnusedWords(from position: Int64) async throws -> (removed: Int, next: Int64?) {
        guard let page = try await store.pool.query(UnusedWords.page(from: position)).first, let last = page.last else {
            return (0, nil)
        }
        var removed = 0
        for portion in UnusedWords.portions(page.unused) {
            do {
                removed += try await store.seize(.shareRowExclusive, on: ["words"]) { transaction in
                    try await transaction.script(UnusedWords.lock)
                    return try await transaction.execute(UnusedWords.remove(Array(portion)))
                }
            } catch let error as PostgresError where error.code == .lockNotAvailable {
                // They do no harm; the next time will find them.
                break
            }
        }
        return (removed, last + 1)
    }
}

extension PostgresErasureStore {
    /// Words that only an erased text had, and others that nobody has any more.
    func removeWords(from position: Int64, of erasure: Erasure, fence: Fence) async throws -> ErasureBatch {
        let found = try await store.pool.query(UnusedWords.page(from: position, of: erasure.subject.tenant)).first
        guard let page = found, let last = page.last else { return ErasureBatch(removed: 0, next: nil) }
        var removed = 0
        for portion in UnusedWords.portions(page.unused) {
            removed += try await store.seize(.shareRowExclusive, on: ["words"]) { transaction in
                try await store.hold(fence, in: transaction)
                try await transaction.script(UnusedWords.lock)
                let removed = try await transaction.execute(UnusedWords.remove(Array(portion)))
                if removed > 0 { try await transaction.execute(ErasureStatements.count(erasure.id, "words", removed)) }
                return removed
            }
        }
        return ErasureBatch(removed: removed, next: last + 1)
    }
}
