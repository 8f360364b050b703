package import SluiceDocuments
internal import SluicePostgres

/// Statistics and memory of the server.
package struct PostgresUpkeepStore: UpkeepStore {
    let store: Store

    package init(_ store: Store) { self.store = store }

    /// Our tables of which a tenth has changed since they were analysed, or that never were. Autovacuum does so too, but later: it
    /// waits for a tenth of a table of millions, and a server may have it turned down. Index versions with partitions are analysed as
    /// a whole, which nobody else does: also when autovacuum has analysed one of them since.
    private static func changed() -> Statement<String> {
        Statement(
            """
            SELECT DISTINCT coalesce(whole.relname, stats.relname) FROM pg_stat_user_tables AS stats
            LEFT JOIN pg_inherits ON inhrelid = stats.relid
            LEFT JOIN pg_class AS whole ON whole.oid = inhparent AND starts_with(whole.relname::text, 'embeddings_g')
            WHERE schemaname = current_schema() AND (
                n_mod_since_analyze > 50 + n_live_tup / 10
                OR coalesce(last_analyze, last_autoanalyze) IS NULL AND n_live_tup > 0
                OR last_autoanalyze > pg_stat_get_last_analyze_time(whole.oid)
                OR whole.oid IS NOT NULL AND n_live_tup > 0 AND pg_stat_get_last_analyze_time(whole.oid) IS NULL
            )
            ORDER BY 1
            """
        ) { row throws(PostgresError) in try row.text(0) }
    }

    package func refreshStatistics() async throws -> [String] {
        let tables = try await store.pool.query(Self.changed())
        try await store.analyze(tables, limit: .seconds(1_800))
        return tables
    }

    /// Tables and indexes that searches read, of live versions.
    private static func live() -> Statement<String> {
        Statement(
            """
            SELECT class.relname FROM indexes CROSS JOIN sluice_embeddings(live_version) AS leaf
            JOIN pg_class AS rows ON rows.oid = leaf
            JOIN pg_class AS class ON class.oid IN (leaf, to_regclass(quote_ident(rows.relname || '_hnsw_idx')))
            ORDER BY class.relkind DESC, class.relname
            """
        ) { row throws(PostgresError) in try row.text(0) }
    }

    package func warm() async throws -> [WarmedRelation]? {
        let isThere = try await store.pool.query(
            Statement("SELECT to_regproc('pg_prewarm') IS NOT NULL") { row throws(PostgresError) in try row.bool(0) }
        ).first
        guard isThere == true else { return nil }
        var warmed: [WarmedRelation] = []
        for name in try await store.pool.query(Self.live()) {
            // One statement each: the whole of a relation at once, at the speed of the disk.
            let blocks = try await store.unhurried { connection in
                try await connection.reply(
                    Statement("SELECT pg_prewarm($1::text::regclass)", [.text(name)]) { row throws(PostgresError) in
                        Int(try row.int64(0))
                    },
                    timeout: .seconds(1_800)
                ).rows.first ?? 0
            }
            warmed.append(WarmedRelation(name: name, blocks: blocks))
        }
        return warmed
    }
}
