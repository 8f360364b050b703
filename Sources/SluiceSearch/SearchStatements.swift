internal import SluiceCore
internal import SluicePostgres

struct Pointer: Sendable {
    let version: IndexVersionID
    let number: Int
    let epoch: Int64
    let model: String
}

enum SearchStatements {
    static func pointer(_ index: IndexName) -> Statement<Pointer> {
        Statement(
            """
            SELECT index_versions.id, index_versions.number, indexes.epoch, indexes.query_model
            FROM indexes JOIN index_versions ON index_versions.id = indexes.live_version WHERE indexes.name = $1
            """,
            [.text(index.rawValue)]
        ) { row throws(PostgresError) in
            Pointer(
                version: IndexVersionID(rawValue: try row.int64(0)),
                number: try row.int32(1),
                epoch: try row.int64(2),
                model: try row.text(3)
            )
        }
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

        fileprivate var order: String {
            switch self {
            case .index: "embedding <=> $1::halfvec"
            case .exact: "(embedding <=> $1::halfvec) + 0, chunk_id"
            }
        }
    }

    /// The nearest chunks of the tenant, nearest first; ties by chunk.
    ///
    /// The pointer is checked in the same statement: no row comes back when a swap has moved it.
    static func nearest(
        _ pointer: Pointer,
        _ vector: [Float],
        _ tenant: TenantID,
        _ count: Int,
        by method: Method
    ) -> Statement<SearchHit> {
        Statement(
            """
            WITH nearest AS MATERIALIZED (
                SELECT chunk_id, embedding <=> $1::halfvec AS distance FROM \(table(pointer.version))
                WHERE tenant_id = $2 ORDER BY \(method.order) LIMIT $3
            )
            SELECT row_number() OVER (ORDER BY distance, chunks.id)::int4, 1 - distance, chunks.id, documents.id,
                documents.uri, live.title, chunks.page_from, chunks.page_to, chunks.char_from, chunks.char_to,
                chunks.heading_path, chunks.text
            FROM nearest JOIN chunks ON chunks.id = nearest.chunk_id
            JOIN documents ON documents.id = chunks.document_id
            LEFT JOIN document_versions AS live ON live.id = documents.live_version
            WHERE EXISTS (SELECT FROM indexes WHERE live_version = $4 AND epoch = $5)
            ORDER BY distance, chunks.id
            """,
            [
                .text(HalfVector.text(vector)), .text(tenant.rawValue), .int8(Int64(count)),
                .int8(pointer.version.rawValue), .int8(pointer.epoch),
            ]
        ) { row throws(PostgresError) in
            SearchHit(
                rank: try row.int32(0),
                score: try row.float8(1),
                chunk: ChunkID(rawValue: try row.int64(2)),
                document: DocumentID(rawValue: try row.int64(3)),
                uri: try row.text(4),
                title: try row.optionalText(5),
                pageFrom: try row.optionalInt32(6),
                pageTo: try row.optionalInt32(7),
                charFrom: try row.int32(8),
                charTo: try row.int32(9),
                headingPath: try row.textArray(10),
                text: try row.text(11)
            )
        }
    }

    static func explain(_ statement: Statement<SearchHit>) -> Statement<String> {
        Statement("EXPLAIN " + statement.sql, statement.parameters) { row throws(PostgresError) in try row.text(0) }
    }

    private static func table(_ version: IndexVersionID) -> String { quotedIdentifier("embeddings_g\(version)") }
}
