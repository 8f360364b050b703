package import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// The index registry. Clock: the server's `now()`.
enum IndexStatements {
    /// As `decode` reads them.
    static let columns = """
        indexes.id, indexes.name, index_versions.id, index_versions.number, index_versions.model_fingerprint,
            index_versions.dimension, indexes.epoch, index_versions.chunk_set, index_versions.chunker_fingerprint,
            (SELECT count(DISTINCT written.chunk_set)::int4 FROM index_versions AS written
                WHERE written.index_id = indexes.id AND written.state IN \(VersionStatements.writtenStates))
        """

    static func decode(_ row: PGRow, from column: Int) throws(PostgresError) -> IndexSnapshot {
        IndexSnapshot(
            id: IndexID(rawValue: try row.int64(column)),
            name: IndexName(trusted: try row.text(column + 1)),
            liveVersion: IndexVersionID(rawValue: try row.int64(column + 2)),
            number: try row.int32(column + 3),
            model: ModelIdentity(fingerprint: try row.text(column + 4), dimension: try row.int32(column + 5)),
            epoch: try row.int64(column + 6),
            chunkSet: try row.int32(column + 7),
            chunker: try row.text(column + 8),
            writtenSets: try row.int32(column + 9)
        )
    }

    static func find(_ name: IndexName) -> Statement<IndexSnapshot> {
        Statement(
            """
            SELECT \(columns) FROM indexes JOIN index_versions ON index_versions.id = indexes.live_version
            WHERE indexes.name = $1
            """,
            [.text(name.rawValue)]
        ) { row throws(PostgresError) in try decode(row, from: 0) }
    }

    /// Returns the id, or nothing when another transaction made it: then that one's version is on its way.
    static func insert(_ name: IndexName, _ model: ModelIdentity, _ language: String) -> Statement<IndexID> {
        Statement(
            """
            INSERT INTO indexes (name, query_model, language) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING RETURNING id
            """,
            [.text(name.rawValue), .text(model.fingerprint), .text(language)]
        ) { row throws(PostgresError) in IndexID(rawValue: try row.int64(0)) }
    }

    /// The text search configurations that can be named without their schema.
    static func languages() -> Statement<String> {
        Statement("SELECT cfgname FROM pg_ts_config WHERE pg_ts_config_is_visible(oid) ORDER BY cfgname") {
            row throws(PostgresError) in try row.text(0)
        }
    }

    static func insertFirstVersion(_ index: IndexID, _ model: ModelIdentity, _ chunker: String) -> Statement<
        IndexVersionID
    > {
        Statement(
            """
            WITH made AS (
                INSERT INTO chunk_sets (index_id, number, chunker_fingerprint, chunk_size, chunk_overlap)
                VALUES ($1, 1, $3, $5, $6)
            )
            INSERT INTO index_versions (index_id, number, state, model_fingerprint, chunker_fingerprint, dimension)
            VALUES ($1, 1, 'live', $2, $3, $4) RETURNING id
            """,
            [.int8(index.rawValue), .text(model.fingerprint), .text(chunker), .int4(model.dimension)]
                + ChunkSetStatements.sizes(chunker)
        ) { row throws(PostgresError) in IndexVersionID(rawValue: try row.int64(0)) }
    }

    static func makeTable(_ version: IndexVersionID, _ dimension: Int) -> Statement<Void> {
        Statement("SELECT sluice_create_embeddings($1, $2)", [.int8(version.rawValue), .int4(dimension)])
    }

    static func point(_ index: IndexID, to version: IndexVersionID) -> Statement<Void> {
        Statement(
            "UPDATE indexes SET live_version = $2, epoch = epoch + 1 WHERE id = $1",
            [.int8(index.rawValue), .int8(version.rawValue)]
        )
    }

    static func event(_ version: IndexVersionID, _ event: String, detail: String = "{}") -> Statement<Void> {
        Statement(
            """
            INSERT INTO index_events (index_id, version_id, event, detail)
            SELECT index_id, id, $2, $3 FROM index_versions WHERE id = $1
            """,
            [.int8(version.rawValue), .text(event), .jsonb(detail)]
        )
    }

    /// Nil when there is no such index; else whether it is valid.
    static func state(_ name: String) -> Statement<Bool> {
        Statement(
            """
            SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass($1)
            """,
            [.text(name)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    /// Nil when a version has none at all; else whether each of its tables has a valid one.
    static func hnswState(of version: IndexVersionID) -> Statement<Bool> {
        Statement(
            "SELECT valid FROM sluice_hnsw_valid($1) AS valid WHERE valid IS NOT NULL",
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    struct BuildPlan: Sendable {
        let m: Int
        let efConstruction: Int
        let vectors: Int
        let storage: VectorStorage
        /// About what the graph takes: vectors, links to 2·m neighbours on the lowest level and some above, and overhead.
        let graphMegabytes: Int
    }

    /// - Parameter table: one of those that hold the version's vectors.
    static func buildPlan(_ version: IndexVersionID, _ table: String) -> Statement<BuildPlan> {
        Statement(
            """
            SELECT hnsw_m, hnsw_ef_construction, dimension,
                (SELECT count(*) FROM \(quotedIdentifier(table))), storage
            FROM index_versions WHERE id = $1
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in
            let (m, dimension, vectors) = (try row.int32(0), try row.int32(2), Int(try row.int64(3)))
            guard let storage = VectorStorage(rawValue: try row.text(4)) else {
                throw PostgresError(.undecodableColumn, "a type of vectors that this program does not know")
            }
            return BuildPlan(
                m: m,
                efConstruction: try row.int32(1),
                vectors: vectors,
                storage: storage,
                graphMegabytes: HNSWSize.graphMegabytes(vectors, dimension, storage, m: m)
            )
        }
    }

    /// How far the build under way is; no row when none is.
    static func buildProgress(_ table: String) -> Statement<HNSWProgress> {
        Statement(
            """
            SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index WHERE relid = to_regclass($1)
            """,
            [.text(table)]
        ) { row throws(PostgresError) in
            HNSWProgress(phase: try row.text(0), done: Int(try row.int64(1)), total: Int(try row.int64(2)))
        }
    }

    static func indexed(_ version: IndexVersionID) -> Statement<Void> {
        Statement("UPDATE index_versions SET indexed_at = now() WHERE id = $1", [.int8(version.rawValue)])
    }
}

/// Names of what belongs to one index version.
package enum IndexVersionNames {
    package static func table(_ version: IndexVersionID) -> String { "embeddings_g\(version)" }
    package static func hnsw(_ version: IndexVersionID) -> String { hnsw(onTable: table(version)) }
    /// Of one of the tables that hold a version's vectors.
    package static func hnsw(onTable table: String) -> String { table + "_hnsw_idx" }
}
