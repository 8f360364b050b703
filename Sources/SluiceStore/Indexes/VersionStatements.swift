internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Index versions as rows. Clock: the server's.
enum VersionStatements {
    /// As `decode` reads them; `version` and `indexes` are the tables' names.
    private static let columns = """
        version.id, version.index_id, indexes.name, version.number, version.state, version.model_fingerprint,
            version.dimension, version.chunker_fingerprint, version.storage, version.hnsw_m, version.hnsw_ef_construction,
            version.auto_swap, version.soak_seconds, version.backfill_cursor, version.passes, version.rows_planned,
            version.rows_copied, version.rows_embedded, version.problem, version.created_at, version.state_at,
            version.indexed_at, version.soak_until, version.dropped_at, version.partition_above, version.partitions_at_most,
            (SELECT count(*)::int FROM index_partitions WHERE version_id = version.id),
            version.chunk_set, version.document_cursor
        """
    /// States in which every ingest writes to a version.
    static let writtenStates = "('building', 'indexing', 'validating', 'ready', 'live', 'soaking')"
    private static let tables = "index_versions AS version JOIN indexes ON indexes.id = version.index_id"

    private static func decode(_ row: PGRow) throws(PostgresError) -> IndexVersionRecord {
        guard let state = IndexVersionState(rawValue: try row.text(4)),
            let storage = VectorStorage(rawValue: try row.text(8))
        else { throw PostgresError(.undecodableColumn, "a state or a type of vectors that this program does not know") }
        return IndexVersionRecord(
            id: IndexVersionID(rawValue: try row.int64(0)),
            index: IndexID(rawValue: try row.int64(1)),
            indexName: IndexName(trusted: try row.text(2)),
            number: try row.int32(3),
            state: state,
            chunkSet: try row.int32(27),
            documentCursor: try row.optionalInt64(28),
            spec: IndexVersionSpec(
                model: ModelIdentity(fingerprint: try row.text(5), dimension: try row.int32(6)),
                chunkerFingerprint: try row.text(7),
                storage: storage,
                m: try row.int32(9),
                efConstruction: try row.int32(10),
                isAutoSwap: try row.bool(11),
                soak: .seconds(try row.int32(12)),
                partitions: try partitions(row)
            ),
            cursor: try row.int64(13),
            passes: try row.int32(14),
            planned: Int(try row.int64(15)),
            copied: Int(try row.int64(16)),
            embedded: Int(try row.int64(17)),
            problem: try row.optionalText(18),
            createdAt: try row.timestamp(19),
            stateAt: try row.timestamp(20),
            indexedAt: try row.optionalTimestamp(21),
            soakUntil: try row.optionalTimestamp(22),
            droppedAt: try row.optionalTimestamp(23),
            partitions: try row.int32(26)
        )
    }

    private static func partitions(_ row: PGRow) throws(PostgresError) -> PartitionPolicy? {
        guard let above = try row.optionalInt64(24), let most = try row.optionalInt32(25) else { return nil }
        return PartitionPolicy(above: Int(above), atMost: most)
    }

    static func one(_ id: IndexVersionID) -> Statement<IndexVersionRecord> {
        Statement("SELECT \(columns) FROM \(tables) WHERE version.id = $1", [.int8(id.rawValue)]) {
            row throws(PostgresError) in try decode(row)
        }
    }

    /// The same, held until the transaction ends.
    static func hold(_ id: IndexVersionID) -> Statement<IndexVersionRecord> {
        Statement(
            "SELECT \(columns) FROM \(tables) WHERE version.id = $1 FOR UPDATE OF version",
            [.int8(id.rawValue)]
        ) { row throws(PostgresError) in try decode(row) }
    }

    /// Holds an index's row until the transaction ends: two who make versions take turns. Ingests do not wait for it.
    static func hold(_ index: IndexID) -> Statement<Void> {
        Statement("SELECT id FROM indexes WHERE id = $1 FOR NO KEY UPDATE", [.int8(index.rawValue)])
    }

    /// The versions of one index, or of all, newest first.
    static func all(of index: IndexName?) -> Statement<IndexVersionRecord> {
        Statement(
            """
            SELECT \(columns) FROM \(tables) WHERE $1::text IS NULL OR indexes.name = $1
            ORDER BY indexes.name, version.number DESC
            """,
            [.optionalText(index?.rawValue)]
        ) { row throws(PostgresError) in try decode(row) }
    }

    /// A version that a document's vectors are written to, and the one table of it that holds them.
    struct Written: Sendable {
        let version: IndexVersionRecord
        let table: String
    }

    /// Versions of a document's index that every ingest writes to. Ask with the index's lock held.
    static func written(_ document: DocumentID) -> Statement<Written> {
        Statement(
            """
            SELECT \(columns), \(PartitionStatements.tableOfDocument) FROM \(tables) JOIN documents ON documents.index_id = version.index_id
            WHERE documents.id = $1
                AND version.state IN \(writtenStates)
            ORDER BY version.id
            """,
            [.int8(document.rawValue)]
        ) { row throws(PostgresError) in Written(version: try decode(row), table: try row.text(29)) }
    }

    /// Registers a version with the next number of its index.
    ///
    /// - Parameters:
    ///   - fills: it is the first of its chunk set.
    ///   - growth: how many chunks come of one that answers, about.
    static func insert(
        _ index: IndexID,
        _ spec: IndexVersionSpec,
        set: Int,
        fills: Bool,
        growth: Double
    ) -> Statement<IndexVersionID> {
        Statement(
            """
            INSERT INTO index_versions (
                index_id, number, state, model_fingerprint, chunker_fingerprint, dimension, storage, hnsw_m,
                hnsw_ef_construction, auto_swap, soak_seconds, partition_above, partitions_at_most, rows_planned, chunk_set,
                document_cursor
            )
            VALUES (
                $1, (SELECT max(number) + 1 FROM index_versions WHERE index_id = $1), 'planned', $2, $3, $4, $5, $6, $7, $8,
                $9, $10, $11, (
                    SELECT coalesce(ceil(sum(chunk_count) * $12::float8), 0)::int8 FROM document_versions
                    JOIN documents ON documents.live_version = document_versions.id WHERE documents.index_id = $1
                ), $13, $14
            ) RETURNING id
            """,
            [
                .int8(index.rawValue), .text(spec.model.fingerprint), .text(spec.chunkerFingerprint),
                .int4(spec.model.dimension), .text(spec.storage.rawValue), .int4(spec.m), .int4(spec.efConstruction),
                .bool(spec.isAutoSwap), .int4(Int(spec.soak.inSeconds)),
                .optionalInt8(spec.partitions.map { Int64($0.above) }), .optionalInt4(spec.partitions?.atMost),
                .float8(growth), .int4(set), .optionalInt8(fills ? 0 : nil),
            ]
        ) { row throws(PostgresError) in IndexVersionID(rawValue: try row.int64(0)) }
    }

    /// The one compare-and-set by which states change. Touches no row when the state is another by now.
    ///
    /// - Parameter soak: when it begins to soak, for how long.
    static func move(
        _ version: IndexVersionRecord,
        to state: IndexVersionState,
        problem: String?,
        soak: Duration
    ) -> Statement<Void> {
        Statement(
            """
            UPDATE index_versions SET state = $3, state_at = clock_timestamp(), problem = $4,
                soak_until = CASE WHEN $3 = 'soaking' THEN now() + make_interval(secs => $5) END,
                backfill_cursor = CASE WHEN $3 = 'building' THEN 0 ELSE backfill_cursor END,
                document_cursor = CASE WHEN $3 = 'building' THEN document_cursor * 0 ELSE document_cursor END
            WHERE id = $1 AND state = $2
            """,
            [
                .int8(version.id.rawValue), .text(version.state.rawValue), .text(state.rawValue),
                .optionalText(problem), .float8(soak.inSeconds),
            ]
        )
    }

    static func event(
        _ version: IndexVersionRecord,
        _ name: String,
        to state: IndexVersionState,
        reason: String?
    ) -> Statement<Void> {
        Statement(
            """
            INSERT INTO index_events (index_id, version_id, event, detail)
            VALUES ($1, $2, $3, jsonb_strip_nulls(jsonb_build_object(
                'number', $4::int, 'from', $5::text, 'to', $6::text, 'reason', $7::text
            )))
            """,
            [
                .int8(version.index.rawValue), .int8(version.id.rawValue), .text(name), .int4(version.number),
                .text(version.state.rawValue), .text(state.rawValue), .optionalText(reason),
            ]
        )
    }

    static func makeTable(_ version: IndexVersionRecord) -> Statement<Void> {
        Statement(
            "SELECT sluice_create_embeddings($1, $2, $3)",
            [
                .int8(version.id.rawValue), .int4(version.spec.model.dimension), .text(version.spec.storage.rawValue),
            ]
        )
    }

    static func note(_ problem: String?, on version: IndexVersionID) -> Statement<Void> {
        Statement(
            "UPDATE index_versions SET problem = $2 WHERE id = $1 AND problem IS DISTINCT FROM $2",
            [.int8(version.rawValue), .optionalText(problem)]
        )
    }

    /// Ingests that go live hold an index's lock together, from before they ask which versions to write to; who changes what is
    /// written or read holds it alone. Waiters take turns, so neither side starves; the lock is the transaction's, so it works
    /// behind a pooler.
    static func lock(_ index: IndexID) -> Statement<Void> {
        Statement(
            "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/index/' || $1, 0))",
            [.text("\(index)")]
        )
    }

    /// The same of every index, in order; of the first five hundred, as a server keeps no more locks than it was told to.
    static func lockAll() -> Statement<Void> {
        Statement(
            """
            SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/index/' || id, 0))
            FROM (SELECT id FROM indexes ORDER BY id LIMIT 500) AS every
            """
        )
    }

    static func share(of index: IndexID) -> Statement<Void> {
        Statement(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended(current_schema() || '/index/' || $1, 0))",
            [.text("\(index)")]
        )
    }

    static func share(of document: DocumentID) -> Statement<Void> {
        Statement(
            """
            SELECT pg_advisory_xact_lock_shared(hashtextextended(current_schema() || '/index/' || index_id, 0))
            FROM documents WHERE id = $1
            """,
            [.int8(document.rawValue)]
        )
    }
}
