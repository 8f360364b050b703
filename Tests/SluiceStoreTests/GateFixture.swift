import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceSearch
import SluiceStore
import SluiceTestKit

/// A live version with a corpus, and candidates made beside it as a rebuild would leave them, or worse.
struct GateFixture: Sendable {
    let base: DocumentsFixture
    let exactBelow: Int
    static let acme = TenantID(trusted: "acme")
    static let tiny = TenantID(trusted: "tiny")

    /// - Parameter scale: chunks of the largest tenant; another has a third, a third one five.
    static func run(scale: Int, exactBelow: Int = 10_000, _ body: (GateFixture) async throws -> Void) async throws {
        try await DocumentsFixture.run { base in
            let fixture = GateFixture(base: base, exactBelow: exactBelow)
            for (tenant, count) in [(TenantID.default, scale), (acme, scale / 3), (tiny, 5)] {
                for start in stride(from: 0, to: count, by: 500) {
                    try await base.ingest(
                        "file:///\(tenant)/\(start).txt",
                        texts(min(500, count - start), seed: UInt64(start + tenant.rawValue.utf8.count)),
                        tenant: tenant
                    )
                }
            }
            _ = try await base.indexes.buildHNSW(base.index.liveVersion)
            // Timing says nothing on a machine that is busy with other tests.
            try await fixture.set(["p95_ms": 60_000, "p95_ratio": 1_000])
            try await body(fixture)
        }
    }

    /// Texts in clusters, as those of real corpora are: many share most of their words.
    static func texts(_ count: Int, seed: UInt64) -> [String] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { number in
            let topic = Int.random(in: 0..<40, using: &random)
            let words = (0..<5).map { _ in "w\(Int.random(in: 0..<900, using: &random))" }
            return "t\(topic) t\(topic) t\(topic) u\(topic) \(words.joined(separator: " ")) n\(seed)x\(number)"
        }
    }

    var store: PostgresGateStore { PostgresGateStore(base.store) }
    var golden: PostgresGoldenStore { PostgresGoldenStore(base.store) }

    func gates(_ embedders: [any Embedder]? = nil) -> PostgresIndexGates {
        let embedders = embedders ?? [base.embedder]
        return PostgresIndexGates(
            IndexExaminer(
                store: store,
                golden: golden,
                asked: PostgresQuestionStore(base.store),
                searcher: Searcher(pool: base.store.pool, embedders: embedders, exactBelow: exactBelow),
                embedders: embedders
            )
        )
    }

    func set(_ values: [String: Double]) async throws {
        var thresholds = try await store.thresholds(of: base.index.id)
        for (name, value) in values { if let problem = thresholds.set(name, to: value) { throw Wrong(problem) } }
        try await store.setThresholds(thresholds, of: base.index.id)
    }

    struct Wrong: Error { init(_ text: String) { self.text = text }; let text: String }

    /// A version with all of the live one's vectors, and its HNSW index.
    func candidate(
        m: Int = 16,
        efConstruction: Int = 64,
        model: ModelIdentity? = nil,
        isBuilt: Bool = true,
        where condition: String = "true"
    ) async throws -> IndexVersionID {
        let model = model ?? base.model
        let live = base.index.liveVersion
        _ = try await base.store.pool.execute([
            Statement("UPDATE index_versions SET state = 'aborted' WHERE state = 'validating'")
        ])
        let rows = try await base.store.pool.query(
            Statement(
                """
                INSERT INTO index_versions (
                    index_id, number, state, model_fingerprint, chunker_fingerprint, dimension, hnsw_m, hnsw_ef_construction
                )
                SELECT index_id, (SELECT max(number) + 1 FROM index_versions), 'validating', $2, chunker_fingerprint, $3, $4, $5
                FROM index_versions WHERE id = $1 RETURNING id
                """,
                [
                    .int8(live.rawValue), .text(model.fingerprint), .int4(model.dimension), .int4(m),
                    .int4(efConstruction),
                ]
            ) { row throws(PostgresError) in IndexVersionID(rawValue: try row.int64(0)) }
        )
        guard let version = rows.first else { throw Wrong("no version") }
        try await base.store.pool.execute(
            Statement("SELECT sluice_create_embeddings($1, $2)", [.int8(version.rawValue), .int4(model.dimension)])
        )
        try await base.store.pool.execute(
            Statement("INSERT INTO embeddings_g\(version) SELECT * FROM embeddings_g\(live) WHERE \(condition)")
        )
        if isBuilt { _ = try await base.indexes.buildHNSW(version) }
        return version
    }

    /// Replaces the vectors of a version with what an embedder makes of the chunks' texts.
    func embed(_ version: IndexVersionID, with embedder: any Embedder) async throws {
        let chunks = try await base.store.pool.query(
            Statement("SELECT id, text FROM chunks ORDER BY id") { row throws(PostgresError) in
                (id: try row.int64(0), text: try row.text(1))
            }
        )
        for start in stride(from: 0, to: chunks.count, by: 500) {
            let part = chunks[start..<min(start + 500, chunks.count)]
            let vectors = try await embedder.embed(part.map(\.text))
            try await base.store.pool.execute(
                Statement(
                    """
                    UPDATE embeddings_g\(version) SET embedding = made.vector::halfvec
                    FROM unnest($1::int8[], $2::text[]) AS made (id, vector) WHERE chunk_id = made.id
                    """,
                    [
                        .int8Array(part.map(\.id)),
                        .textArray((0..<part.count).map { HalfVector.text(vectors[$0]) }),
                    ]
                )
            )
        }
    }

    func execute(_ sql: String) async throws {
        try await base.store.pool.execute(Statement(sql))
    }

    /// Which chunks ask for which document: a few words of a chunk, whose document is the answer.
    func importGolden(_ count: Int, as set: String = "g") async throws {
        let rows = try await base.store.pool.query(
            Statement(
                """
                SELECT documents.uri, chunks.text, chunks.tenant_id FROM chunks JOIN documents ON documents.id = document_id
                ORDER BY hashint8extended(chunks.id, 5) LIMIT $1
                """,
                [.int8(Int64(count))]
            ) { row throws(PostgresError) in (try row.text(0), try row.text(1), try row.text(2)) }
        )
        let queries = rows.map { uri, text, tenant in
            // The last words are the chunk's own.
            GoldenQuery(
                tenant: TenantID(trusted: tenant),
                text: text.split(separator: " ").suffix(5).joined(separator: " "),
                slice: "",
                relevant: [GoldenRelevant(.uri(uri))]
            )
        }
        _ = try await golden.importGolden(queries, as: set, into: .default, digest: GoldenQuery.digest(of: queries))
    }
}

/// A model of no use whose vectors have the right dimension: all texts of a length look alike to it.
struct UselessEmbedder: Embedder {
    let model: EmbeddingModelDescription
    private let base: DeterministicEmbedder

    init(dimension: Int) {
        base = DeterministicEmbedder(dimension: dimension, salt: 99)
        model = base.model
    }

    func tokenCounts(_ texts: [String]) async throws(InferenceError) -> [Int] { try await base.tokenCounts(texts) }

    func embed(_ texts: [String]) async throws(InferenceError) -> EmbeddingMatrix {
        try await base.embed(texts.map { "length\($0.utf8.count % 7)" })
    }
}
