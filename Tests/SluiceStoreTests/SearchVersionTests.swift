import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Search in any version of an index", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct SearchVersionTests {
    private static let texts = (0..<40).map { "finch \($0) sings of ledgers" }

    /// Makes version 2 of the index, of another model and storage, with a vector for each chunk that is there.
    private static func candidate(
        _ fixture: DocumentsFixture,
        _ embedder: DeterministicEmbedder,
        storage: String = "halfvec"
    ) async throws -> Int64 {
        let pool = fixture.store.pool
        let dimension = embedder.model.dimension
        let id = Int64(
            try await fixture.count(
                """
                INSERT INTO index_versions (index_id, number, state, model_fingerprint, chunker_fingerprint, dimension)
                SELECT index_id, 2, 'ready', '\(embedder.model.fingerprint)', 'test', \(dimension)
                FROM index_versions RETURNING id
                """
            )
        )
        _ = try await pool.execute([
            Statement("SELECT sluice_create_embeddings($1, $2)", [.int8(id), .int4(dimension)])
        ])
        if storage != "halfvec" {
            _ = try await pool.execute([
                Statement("ALTER TABLE embeddings_g\(id) ALTER COLUMN embedding TYPE \(storage)(\(dimension))")
            ])
        }
        let chunks = try await pool.query(
            Statement("SELECT id, tenant_id, text FROM chunks") { row throws(PostgresError) in
                (id: try row.int64(0), tenant: try row.text(1), text: try row.text(2))
            }
        )
        let matrix = try await embedder.embed(chunks.map(\.text))
        let vectors = chunks.indices.map { HalfVector.text(Array(matrix[$0])) }
        _ = try await pool.execute([
            Statement(
                """
                INSERT INTO embeddings_g\(id) (chunk_id, tenant_id, content_hash, embedding)
                SELECT given.chunk, given.tenant, '\\x00', given.vector::\(storage)
                FROM unnest($1::int8[], $2::text[], $3::text[]) AS given (chunk, tenant, vector)
                """,
                [.int8Array(chunks.map(\.id)), .textArray(chunks.map(\.tenant)), .textArray(vectors)]
            )
        ])
        return id
    }

    @Test(
        "each version is asked with its own model, and the live one after a swap with the new one",
        arguments: SearchMode.allCases
    )
    func versions(mode: SearchMode) async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", Self.texts)
            let other = DeterministicEmbedder(dimension: 16, salt: 7)
            let second = try await Self.candidate(fixture, other)
            let searcher = Searcher(pool: fixture.store.pool, embedders: [fixture.embedder, other])
            let question = Self.texts[17]
            for (version, answering) in [(nil, 1), (1, 1), (2, 2)] as [(Int?, Int)] {
                let result = try await searcher.search(SearchRequest(text: question, version: version, mode: mode))
                #expect(result.version == answering && result.hits.first?.text == question && result.epoch == 1)
            }
            _ = try await fixture.store.pool.execute([
                Statement("UPDATE index_versions SET state = 'soaking' WHERE number = 1"),
                Statement("UPDATE index_versions SET state = 'live' WHERE number = 2"),
                Statement(
                    "UPDATE indexes SET live_version = $1, query_model = $2, epoch = epoch + 1",
                    [.int8(second), .text(other.model.fingerprint)]
                ),
            ])
            let live = try await searcher.search(SearchRequest(text: question, mode: mode))
            #expect(live.version == 2 && live.epoch == 2 && live.hits.first?.text == question)
            let former = try await searcher.search(SearchRequest(text: question, version: 1, mode: mode))
            #expect(former.version == 1 && former.hits.first?.text == question)
        }
    }

    @Test("without the version's model it is refused, but words and given vectors need none")
    func models() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", Self.texts)
            let other = DeterministicEmbedder(dimension: 16, salt: 7)
            _ = try await Self.candidate(fixture, other)
            let pool = fixture.store.pool
            for embedders in [[], [fixture.embedder]] as [[any Embedder]] {
                let searcher = Searcher(pool: pool, embedders: embedders)
                for mode in [SearchMode.dense, .hybrid] {
                    let error = await #expect(throws: SearchError.self) {
                        try await searcher.search(SearchRequest(text: "finch", version: 2, mode: mode))
                    }
                    #expect(error?.code == .wrongModel)
                }
                let words = try await searcher.search(SearchRequest(text: "finch", version: 2, mode: .bm25))
                #expect(words.version == 2 && words.hits.count == 10)
                var given = SearchRequest(text: "", version: 2, mode: .dense)
                given.vector = Array(try await other.embed([Self.texts[3]])[0])
                #expect(try await searcher.search(given).hits.first?.text == Self.texts[3])
                given.vector = [1, 2, 3]
                let dimension = await #expect(throws: SearchError.self) { try await searcher.search(given) }
                #expect(dimension?.code == .badRequest)
                given.vector = [Float](repeating: .nan, count: 16)
                let finite = await #expect(throws: SearchError.self) { try await searcher.search(given) }
                #expect(finite?.code == .badRequest)
            }
        }
    }

    @Test("a version that is not there, or whose table is gone, is refused")
    func missing() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", Self.texts)
            let second = try await Self.candidate(fixture, fixture.embedder)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            func code(_ version: Int) async -> SearchError.Code? {
                await #expect(throws: SearchError.self) {
                    try await searcher.search(SearchRequest(text: "finch", version: version))
                }?.code
            }
            #expect(await code(3) == .noVersion)
            try await fixture.store.pool.withConnection { try await $0.script("DROP TABLE embeddings_g\(second)") }
            #expect(await code(2) == .noVersion)
        }
    }

    @Test("vectors of either type are compared by their index, and by all")
    func storage() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", Self.texts)
            let second = try await Self.candidate(fixture, fixture.embedder, storage: "vector")
            try await fixture.store.pool.withConnection {
                try await $0.script("CREATE INDEX ON embeddings_g\(second) USING hnsw (embedding vector_cosine_ops)")
                // With so few rows the planner would rather sort them.
                try await $0.script("ANALYZE embeddings_g\(second)")
            }
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            var answers: [[String]] = []
            for method in SearchMethod.allCases {
                var request = SearchRequest(text: Self.texts[9], version: 2, count: 20, mode: .dense)
                request.method = method
                let result = try await searcher.search(request)
                #expect(result.isExact == (method != .index) && result.hits.count == 20)
                answers.append(result.hits.map(\.text))
            }
            #expect(answers[0] == answers[1] && answers[1].first == Self.texts[9])
        }
    }
}
