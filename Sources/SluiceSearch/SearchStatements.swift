internal import SluiceCore
internal import SluicePostgres

struct Pointer: Sendable {
    let version: IndexVersionID
    let number: Int
    let epoch: Int64
    let model: String
    let index: IndexID
    /// The text search configuration of its words.
    let language: String
}

/// A chunk that one way of searching found, best first.
struct Found: Sendable {
    let chunk: ChunkID
    let score: Double
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
}

enum SearchStatements {
    static func pointer(_ index: IndexName) -> Statement<Pointer> {
        Statement(
            """
            SELECT index_versions.id, index_versions.number, indexes.epoch, indexes.query_model, indexes.id,
                indexes.language
            FROM indexes JOIN index_versions ON index_versions.id = indexes.live_version WHERE indexes.name = $1
            """,
            [.text(index.rawValue)]
        ) { row throws(PostgresError) in
            Pointer(
                version: IndexVersionID(rawValue: try row.int64(0)),
                number: try row.int32(1),
                epoch: try row.int64(2),
                model: try row.text(3),
                index: IndexID(rawValue: try row.int64(4)),
                language: try row.text(5)
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
    static func nearest(
        _ pointer: Pointer,
        _ vector: [Float],
        _ tenant: TenantID,
        _ count: Int,
        by method: Method
    ) -> Statement<Found> {
        Statement(
            """
            WITH nearest AS MATERIALIZED (
                SELECT chunk_id, embedding <=> $1::halfvec AS distance FROM \(table(pointer.version))
                WHERE tenant_id = $2 ORDER BY \(method.order) LIMIT $3
            )
            SELECT chunk_id, 1 - distance FROM nearest ORDER BY distance, chunk_id
            """,
            [.text(HalfVector.text(vector)), .text(tenant.rawValue), .int8(Int64(count))]
        ) { row throws(PostgresError) in
            Found(chunk: ChunkID(rawValue: try row.int64(0)), score: try row.float8(1))
        }
    }

    /// What is to be said of these chunks, in any order.
    ///
    /// The pointer is checked in the same statement: no row comes back when a swap has moved it.
    static func places(_ chunks: [ChunkID], _ pointer: Pointer, _ tenant: TenantID) -> Statement<Place> {
        Statement(
            """
            SELECT chunks.id, documents.id, documents.uri, live.title, chunks.page_from, chunks.page_to, chunks.char_from,
                chunks.char_to, chunks.heading_path, chunks.text
            FROM chunks JOIN documents ON documents.id = chunks.document_id
            LEFT JOIN document_versions AS live ON live.id = documents.live_version
            WHERE chunks.id = ANY ($1::int8[]) AND chunks.tenant_id = $2
                AND EXISTS (SELECT FROM indexes WHERE live_version = $3 AND epoch = $4)
            """,
            [
                .int8Array(chunks.map(\.rawValue)), .text(tenant.rawValue), .int8(pointer.version.rawValue),
                .int8(pointer.epoch),
            ]
        ) { row throws(PostgresError) in
            Place(
                chunk: ChunkID(rawValue: try row.int64(0)),
                document: DocumentID(rawValue: try row.int64(1)),
                uri: try row.text(2),
                title: try row.optionalText(3),
                pages: (try row.optionalInt32(4), try row.optionalInt32(5)),
                characters: (try row.int32(6), try row.int32(7)),
                headingPath: try row.textArray(8),
                text: try row.text(9)
            )
        }
    }

    static func explain(_ statement: Statement<Found>) -> Statement<String> {
        Statement("EXPLAIN " + statement.sql, statement.parameters) { row throws(PostgresError) in try row.text(0) }
    }

    static func table(_ version: IndexVersionID) -> String { quotedIdentifier("embeddings_g\(version)") }
}
