internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// Keeps the word statistics of tenants with many chunks near the truth: see `sluice_count_terms`.
///
/// Search counts exactly what is rare, or small, when it is asked. What many chunks hold changes slowly, and the weights that come
/// of it change slower still: it is counted anew when a tenant's chunks have become a tenth more or fewer, and after a day.
package struct PostgresTermCounts: Upkeep {
    private let store: Store
    /// Tenants with fewer chunks have no statistics.
    private let least: Int

    package init(_ store: Store, least: Int = 20_000) {
        self.store = store
        self.least = least
    }

    /// Counts one tenant's chunks of one set of an index anew, the one whose statistics are furthest from the truth.
    package func round(term: Int64) async throws -> Bool {
        // A million chunks take a minute or two.
        try await store.pool.transaction(settings: [(name: "statement_timeout", value: "1800000")]) { transaction in
            guard let stale = try await transaction.query(Self.stalest(least, term: term)).first else { return false }
            // Fewer than expected keep nothing, and are looked at again after the pause.
            return try await transaction.query(Self.count(stale, least)).first ?? 0 >= least
        }
    }

    private struct Stale: Sendable {
        let tenant: TenantID
        let index: IndexID
        let set: Int
        /// What the tenant's document versions say they have.
        let stated: Int64
    }

    /// Of sets that are full: others are read by nobody, and end full or removed. What document versions say of their chunks is
    /// compared with what they said when it was counted: it is of the set that answered when they went live, and tells how much was
    /// added or removed for any. Where they say that there are few, a set with smaller chunks may have many all the same: it is
    /// counted once when that begins, and from then on like the others.
    ///
    /// - Index: none; a pass over documents and their live versions, whose chunks are counted already.
    private static func stalest(_ least: Int, term: Int64) -> Statement<Stale> {
        Statement(
            """
            WITH held AS (
                SELECT documents.tenant_id, index_id, sum(chunk_count) AS chunks
                FROM documents JOIN document_versions ON document_versions.id = documents.live_version
                GROUP BY documents.tenant_id, index_id
            ), full_sets AS (
                SELECT DISTINCT index_id, chunk_set FROM index_versions
                WHERE state IN ('indexing', 'validating', 'ready', 'live', 'soaking')
            ), compared AS (
                SELECT tenant_id, index_id, chunk_set, coalesce(held.chunks, 0) AS now,
                    coalesce(term_statistics.stated, term_statistics.chunks, 0) AS before, counted_at
                FROM (held JOIN full_sets USING (index_id)) AS held
                FULL JOIN term_statistics USING (tenant_id, index_id, chunk_set)
            )
            SELECT tenant_id, index_id, chunk_set, now::int8 FROM compared
            WHERE (now >= $1 OR counted_at IS NOT NULL) AND EXISTS (SELECT FROM leader WHERE term = $2)
                AND (index_id, chunk_set) IN (SELECT index_id, chunk_set FROM full_sets)
                AND (now < $1 AND before >= $1 OR abs(now - before) * 10 > now OR counted_at < now() - interval '1 day')
            ORDER BY abs(now - before) DESC LIMIT 1
            """,
            [.int8(Int64(least)), .int8(term)]
        ) { row throws(PostgresError) in
            Stale(
                tenant: TenantID(trusted: try row.text(0)),
                index: IndexID(rawValue: try row.int64(1)),
                set: try row.int32(2),
                stated: try row.int64(3)
            )
        }
    }

    private static func count(_ stale: Stale, _ least: Int) -> Statement<Int> {
        Statement(
            "SELECT sluice_count_terms($1, $2, $3, $4, $5)",
            [
                .text(stale.tenant.rawValue), .int8(stale.index.rawValue), .int8(Int64(least)), .int4(stale.set),
                .int8(stale.stated),
            ]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }
}
