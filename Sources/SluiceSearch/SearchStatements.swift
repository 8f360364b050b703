internal import SluiceCore
internal import SluicePostgres

/// The index version that answers.
struct Pointer: Sendable {
    let version: IndexVersionID
    let number: Int
    /// The registry's at that moment.
    let epoch: Int64
    /// Fingerprint of the model that questions are to be embedded with.
    let model: String
    let dimension: Int
    /// The type of its vectors, `halfvec` or `vector`; nil when its table is not there (any more).
    let element: String?
    /// How many of them there were when they were last counted: of all tenants, or of those in the partition that the asking tenant's
    /// are in. Nil before that.
    let vectors: Int?
    /// Chunks of a document on the average, of all tenants and indexes, when they were last counted; nil before that.
    let chunksPerDocument: Double?
    let index: IndexID
    /// The chunks that the version reads, among its index's.
    let chunkSet: Int
    /// Whether its table has partitions.
    let isPartitioned: Bool
    /// What the words of these are seeded by: they meet no others'.
    let wordSpace: Int64
    /// The text search configuration of its words.
    let language: String
    /// The version that answers a share of the questions before it is swapped in, whether or not it answers this one.
    let canary: IndexVersionID?
}

/// A chunk that one way of searching found, best first.
struct Found: Sendable, Equatable {
    let chunk: ChunkID
    let score: Double

    /// The best of two lists whose scores are of one kind, best first, ties by chunk; each chunk once.
    static func best(_ count: Int, of first: [Found], _ second: [Found]) -> [Found] {
        let known = Set(first.map(\.chunk))
        let all = first + second.filter { !known.contains($0.chunk) }
        return Array(all.sorted { ($1.score, $0.chunk.rawValue) < ($0.score, $1.chunk.rawValue) }.prefix(count))
    }
}

/// What a hit says besides its score.
struct Place: Sendable {
    let chunk: ChunkID
    let document: DocumentID
    let uri: String
    let title: String?
    let pages: (from: Int?, to: Int?)
    let characters: (from: Int, to: Int)
    let headingPath: [String]
    let text: String
    /// Seconds since its source was last changed, by the database's clock; nil when that is not known.
    let age: Double?
}

enum SearchStatements {
    /// The live version, or the one of this number, or the canary where the question falls to it. The live one's model is what the
    /// registry's row says: the two go together.
    ///
    /// - Parameters:
    ///   - tenant: who asks: in a version with partitions, the size of its own, or of the shared one, matters.
    ///   - draw: where the question falls; nil: it falls to no canary.
    ///   - models: that this process has: a canary with another answers nobody here.
    static func pointer(
        _ index: IndexName,
        _ number: Int?,
        tenant: TenantID,
        draw: CanaryDraw? = nil,
        models: [String] = []
    ) -> Statement<Pointer> {
        Statement(
            """
            SELECT version.id, version.number, indexes.epoch,
                CASE WHEN $2 IS NULL AND version.id = indexes.live_version THEN indexes.query_model
                    ELSE version.model_fingerprint END, version.dimension,
                (SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attname = 'embedding'
                    AND attrelid = to_regclass(quote_ident('embeddings_g' || version.id))),
                indexes.id, indexes.language,
                (SELECT nullif(reltuples, -1)::int8 FROM pg_class
                    WHERE oid = to_regclass(quote_ident('embeddings_g' || version.id
                        || CASE WHEN version.partition_above IS NULL THEN '' ELSE '_p' || coalesce((
                            SELECT own.number FROM index_partitions AS own
                            WHERE own.version_id = version.id AND own.tenant_id = $6
                        ), 0) END))),
                canary.version_id, version.chunk_set, sluice_word_space(indexes.id, version.chunk_set),
                (SELECT chunks.reltuples::float8 / documents.reltuples FROM pg_class AS chunks, pg_class AS documents
                    WHERE chunks.oid = to_regclass('chunks') AND documents.oid = to_regclass('documents')
                        AND chunks.reltuples > 0 AND documents.reltuples > 0),
                version.partition_above IS NOT NULL
            FROM indexes LEFT JOIN LATERAL (
                SELECT trial.version_id, ready.model_fingerprint = ANY ($5)
                    AND CASE trial.share_by WHEN 'tenant' THEN $3 ELSE $4 END < trial.percent AS answers
                FROM index_canaries AS trial JOIN index_versions AS ready ON ready.id = trial.version_id
                WHERE trial.index_id = indexes.id AND ready.state = 'ready' AND $2 IS NULL
            ) AS canary ON true
            JOIN index_versions AS version
                ON CASE WHEN $2 IS NOT NULL THEN version.index_id = indexes.id AND version.number = $2
                    WHEN canary.answers THEN version.id = canary.version_id
                    ELSE version.id = indexes.live_version END
            WHERE indexes.name = $1
            """,
            [
                .text(index.rawValue), .optionalInt4(number), .int4(draw?.byTenant ?? 100),
                .int4(draw?.byQuestion ?? 100), .textArray(models), .text(tenant.rawValue),
            ]
        ) { row throws(PostgresError) in
            Pointer(
                version: IndexVersionID(rawValue: try row.int64(0)),
                number: try row.int32(1),
                epoch: try row.int64(2),
                model: try row.text(3),
                dimension: try row.int32(4),
                element: try row.optionalText(5),
                vectors: try row.optionalInt64(8).map { Int($0) },
                chunksPerDocument: try row.optionalFloat8(12),
                index: IndexID(rawValue: try row.int64(6)),
                chunkSet: try row.int32(10),
                isPartitioned: try row.bool(13),
                wordSpace: try row.int64(11),
                language: try row.text(7),
                canary: try row.optionalInt64(9).map(IndexVersionID.init(rawValue:))
            )
        }
    }

    /// For this transaction: candidates that a scan of the HNSW index keeps.
    static func search(_ effort: Int) -> Statement<Void> {
        Statement("SELECT set_config('hnsw.ef_search', $1, true)", [.text("\(effort)")])
    }

    /// For this transaction: whether the planner may read a whole table where an index would do.
    static func readsWholeTables(_ may: Bool) -> Statement<Void> {
        Statement("SELECT set_config('enable_seqscan', $1, true)", [.text(may ? "on" : "off")])
    }

    /// How many of the tenant's vectors there are, counted no further than `cap`.
    static func count(_ version: IndexVersionID, _ tenant: TenantID, cap: Int) -> Statement<Int> {
        Statement(
            "SELECT count(*) FROM (SELECT FROM \(table(version)) WHERE tenant_id = $1 LIMIT $2) AS counted",
            [.text(tenant.rawValue), .int8(Int64(cap))]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    /// How the nearest chunks are found.
    enum Method: Sendable {
        /// By the version's HNSW index: the bare operator with a LIMIT, as it must be. A relaxed scan's rows come nearly in order.
        case index
        /// By comparing all of the tenant's, ties by chunk: an order that no index gives, so no plan can be approximate.
        case exact

        fileprivate func order(_ distance: String) -> String {
            switch self {
            case .index: distance
            case .exact: "(\(distance)) + 0, chunk_id"
            }
        }
    }

    /// The nearest chunks of the tenant, nearest first; ties by chunk. Of a scope that lists chunks the method is `exact`.
    static func nearest(
        _ pointer: Pointer,
        _ vector: [Float],
        _ tenant: TenantID,
        _ count: Int,
        in scope: Scope = .all,
        by method: Method
    ) -> Statement<Found> {
        var binder = Binder()
        // The index is used only where the question is of the column's own type.
        let question =
            "\(binder.bind(.text(HalfVector.text(vector))))::\(pointer.element == "vector" ? "vector" : "halfvec")"
        let distance = "embedding <=> \(question)"
        var rows = table(pointer.version)
        var followed = count
        var conditions = ["\(rows).tenant_id = \(binder.bind(.text(tenant.rawValue)))"]
        switch (scope, method) {
        case (.all, _): break
        case (.these(let chunks), _) where !pointer.isPartitioned:
            let runs = ChunkRuns(chunks)
            // OFFSET keeps the planner from anything but a look at the primary key for each run, and the tenant out of that: an index
            // of the tenant's rows would be read from end to end for each.
            rows = """
                unnest(\(binder.bind(.int8Array(runs.first)))::int8[], \(binder.bind(.int8Array(runs.last)))::int8[])
                    AS runs (first, last) CROSS JOIN LATERAL (
                        SELECT * FROM \(rows) WHERE chunk_id BETWEEN runs.first AND runs.last OFFSET 0
                    ) AS \(rows)
                """
        case (.these(let chunks), _):
            conditions.append("chunk_id = ANY (\(binder.bind(.int8Array(chunks.map(\.rawValue))))::int8[])")
        case (.matching(let narrowing), .index):
            // A relaxed scan's rows come nearly in order: a few more than are wanted, and the last of those are the right ones. Many more
            // find little (0.957 instead of 0.954 of the nearest ten, of a million), and let scans go on that need not.
            followed = count + 10
            conditions.append(narrowing.condition(ofChunk: "chunk_id", &binder))
        case (.matching(let narrowing), .exact):
            let matching = ScopeStatements.matching(narrowing, pointer, tenant, &binder)
            rows = """
                (SELECT id FROM chunks WHERE chunk_set = \(binder.bind(.int4(pointer.chunkSet)))
                        AND document_id IN (SELECT documents.id FROM \(matching))) AS matching
                    JOIN \(rows) ON chunk_id = matching.id
                """
        }
        return Statement(
            """
            WITH nearest AS MATERIALIZED (
                SELECT chunk_id, \(distance) AS distance FROM \(rows)
                WHERE \(conditions.joined(separator: " AND "))
                ORDER BY \(method.order(distance)) LIMIT \(binder.bind(.int8(Int64(followed))))
            )
            SELECT chunk_id, 1 - distance FROM nearest ORDER BY distance, chunk_id LIMIT \(binder.bind(.int8(Int64(count))))
            """,
            binder.values
        ) { row throws(PostgresError) in
            Found(chunk: ChunkID(rawValue: try row.int64(0)), score: try row.float8(1))
        }
    }

    /// What is to be said of these chunks, in any order. All of a search is one snapshot, so none of them is gone.
    static func places(_ chunks: [ChunkID], _ tenant: TenantID, _ narrowing: Narrowing?) -> Statement<Place> {
        var binder = Binder()
        let (given, owner) = (
            binder.bind(.int8Array(chunks.map(\.rawValue))), binder.bind(.text(tenant.rawValue))
        )
        return Statement(
            """
            SELECT chunks.id, documents.id, documents.uri, live.title, chunks.page_from, chunks.page_to, chunks.char_from,
                chunks.char_to, chunks.heading_path, chunks.text,
                extract(epoch FROM now() - live.source_modified_at)::float8
            FROM chunks JOIN documents ON documents.id = chunks.document_id
            LEFT JOIN document_versions AS live ON live.id = documents.live_version
            WHERE chunks.id = ANY (\(given)::int8[]) AND chunks.tenant_id = \(owner)
                AND \(narrowing.map { $0.condition(&binder) } ?? "true")
            """,
            binder.values
        ) { row throws(PostgresError) in
            Place(
                chunk: ChunkID(rawValue: try row.int64(0)),
                document: DocumentID(rawValue: try row.int64(1)),
                uri: try row.text(2),
                title: try row.optionalText(3),
                pages: (try row.optionalInt32(4), try row.optionalInt32(5)),
                characters: (try row.int32(6), try row.int32(7)),
                headingPath: try row.textArray(8),
                text: try row.text(9),
                age: try row.optionalFloat8(10)
            )
        }
    }

    /// The vectors of these chunks, in any order.
    static func vectors(
        _ chunks: [ChunkID],
        _ pointer: Pointer,
        _ tenant: TenantID
    ) -> Statement<(chunk: ChunkID, vector: [Float])> {
        let isHalf = pointer.element != "vector"
        return Statement(
            """
            SELECT chunk_id, embedding FROM \(table(pointer.version)) WHERE chunk_id = ANY ($1::int8[]) AND tenant_id = $2
            """,
            [.int8Array(chunks.map(\.rawValue)), .text(tenant.rawValue)]
        ) { row throws(PostgresError) in
            let bytes = try row.bytes(1)
            return (
                ChunkID(rawValue: try row.int64(0)), isHalf ? try HalfVector.decode(bytes) : try Vector.decode(bytes)
            )
        }
    }

    static func explain(_ statement: Statement<Found>) -> Statement<String> {
        Statement("EXPLAIN " + statement.sql, statement.parameters) { row throws(PostgresError) in try row.text(0) }
    }

    static func table(_ version: IndexVersionID) -> String { quotedIdentifier("embeddings_g\(version)") }
}
