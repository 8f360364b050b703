internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// What the server says of sizes and dead rows.
enum CompactionStatements {
    /// Tables that deletes and updates of documents wear out.
    private static let tables = """
        SELECT class.oid, class.relname, version.dimension, version.hnsw_m, version.storage FROM index_versions AS version
        CROSS JOIN sluice_embeddings(version.id) AS leaf JOIN pg_class AS class ON class.oid = leaf
        WHERE version.state IN ('live', 'soaking')
        UNION ALL
        SELECT class.oid, class.relname, NULL, NULL, NULL
        FROM unnest(ARRAY[
            'chunks', 'chunk_terms', 'documents', 'document_versions', 'document_texts', 'document_facets', 'staged_chunks',
            'embedding_cache', 'words', 'word_grams', 'term_frequencies', 'questions'
        ])
            AS known (name) JOIN pg_class AS class ON class.oid = to_regclass(known.name)
        """

    /// Rows of a table. After a crash the server has forgotten what it counted, and after a restore it never knew: then what the last
    /// vacuum or analysis found counts. 0 where nobody knows.
    private static func rows(_ table: String) -> String {
        "greatest(pg_stat_get_live_tuples(\(table)), (SELECT reltuples::bigint FROM pg_class WHERE oid = \(table)), 0)"
    }

    struct Table: Sendable {
        let name: String
        let live: Int64
        let dead: Int64
        let bytes: Int64
    }

    /// - Parameter exact: pgstattuple's count of dead rows instead of the statistics' estimate.
    static func facts(exact: Bool) -> Statement<Table> {
        let dead =
            exact
            ? "(SELECT dead_tuple_count FROM pgstattuple_approx(known.oid::regclass))"
            : "pg_stat_get_dead_tuples(known.oid)"
        return Statement(
            """
            SELECT relname, \(rows("known.oid")), coalesce(\(dead), 0)::bigint, pg_table_size(known.oid)
            FROM (\(tables)) AS known ORDER BY relname
            """
        ) { row throws(PostgresError) in
            Table(name: try row.text(0), live: try row.int64(1), dead: try row.int64(2), bytes: try row.int64(3))
        }
    }

    struct Index: Sendable {
        let table: String
        let facts: RelationFacts.Index
    }

    /// Valid indexes, and what a new graph of so many vectors takes, where it is known how many there are.
    static func indexes() -> Statement<Index> {
        Statement(
            """
            SELECT known.relname, index.relname, pg_relation_size(index.oid), access.amname = 'hnsw',
                \(rows("known.oid")), known.dimension, known.hnsw_m, known.storage
            FROM (\(tables)) AS known JOIN pg_index ON indrelid = known.oid AND indisvalid
            JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am AS access ON access.oid = index.relam
            ORDER BY 1, 2
            """
        ) { row throws(PostgresError) in
            let isGraph = try row.bool(3)
            var expected: Int?
            let rows = Int(try row.int64(4))
            if isGraph, rows > 0, let dimension = try row.optionalInt32(5), let m = try row.optionalInt32(6),
                let storage = try row.optionalText(7).flatMap(VectorStorage.init(rawValue:))
            {
                expected = HNSWSize.indexBytes(rows, dimension, storage, m: m)
            }
            return Index(
                table: try row.text(0),
                facts: RelationFacts.Index(
                    name: try row.text(1),
                    bytes: try row.int64(2),
                    expectedBytes: expected.map(Int64.init),
                    isGraph: isGraph
                )
            )
        }
    }

    static func hasExactCounts() -> Statement<Bool> {
        Statement("SELECT to_regproc('pgstattuple_approx') IS NOT NULL") { row throws(PostgresError) in try row.bool(0)
        }
    }

    static func isBuilding() -> Statement<Bool> {
        Statement(
            """
            SELECT EXISTS (
                SELECT FROM pg_stat_progress_create_index AS build JOIN pg_class AS class ON class.oid = build.relid
                WHERE class.relnamespace = current_schema()::regnamespace
            )
            """
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    /// What REINDEX CONCURRENTLY leaves behind when it is cut off: the new one before, the old one after the two changed names.
    static func leftovers() -> Statement<String> {
        Statement(
            """
            SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE relnamespace = current_schema()::regnamespace AND NOT indisvalid AND relname ~ '_cc(new|old)[0-9]*$'
            ORDER BY relname
            """
        ) { row throws(PostgresError) in try row.text(0) }
    }

    static func size(_ relation: String) -> Statement<Int64> {
        Statement("SELECT pg_relation_size($1::text::regclass)", [.text(relation)]) { row throws(PostgresError) in
            try row.int64(0)
        }
    }

    /// About what the graph of a table's vectors takes, in MiB; no row for other tables.
    static func graphMegabytes(_ table: String) -> Statement<Int> {
        Statement(
            """
            SELECT greatest(reltuples, 0)::bigint, dimension, hnsw_m, storage
            FROM index_versions CROSS JOIN sluice_embeddings(index_versions.id) AS leaf JOIN pg_class ON pg_class.oid = leaf
            WHERE relname = $1
            """,
            [.text(table)]
        ) { row throws(PostgresError) in
            HNSWSize.graphMegabytes(
                Int(try row.int64(0)),
                try row.int32(1),
                VectorStorage(rawValue: try row.text(3)) ?? .halfvec,
                m: try row.int32(2)
            )
        }
    }

    /// An event for the version whose table it is; for tables that versions share one for every index.
    static func event(_ table: String, _ detail: String) -> Statement<Void> {
        Statement(
            """
            WITH version AS (
                SELECT index_id, id FROM index_versions WHERE to_regclass($1) IN (SELECT sluice_embeddings(id))
            )
            INSERT INTO index_events (index_id, version_id, event, detail)
            SELECT index_id, id, 'compacted', $2 FROM version
            UNION ALL SELECT id, NULL, 'compacted', $2 FROM indexes WHERE NOT EXISTS (SELECT FROM version)
            """,
            [.text(table), .jsonb(detail)]
        )
    }
}
