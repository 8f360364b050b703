import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Search", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct DocumentsSearchTests {
    private static func sentences(_ count: Int, seed: UInt64, words: Int = 40) -> [String] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            (0..<6).map { _ in "w\(Int.random(in: 0..<words, using: &random))" }.joined(separator: " ")
        }
    }

    /// What comparing everything gives, in halfvec's precision: ids by distance, ties by id.
    private static func bruteForce(
        _ fixture: DocumentsFixture,
        _ question: String,
        tenant: TenantID = .default
    ) async throws -> [(id: Int64, distance: Double)] {
        let vector = Array(try await fixture.embedder.embed([question])[0])
        let rows = try await fixture.store.pool.query(
            Statement(
                "SELECT chunk_id, embedding <=> $1::halfvec FROM embeddings_g\(fixture.index.liveVersion) WHERE tenant_id = $2",
                [.text(HalfVector.text(vector)), .text(tenant.rawValue)]
            ) { row throws(PostgresError) in (id: try row.int64(0), distance: try row.float8(1)) }
        )
        return rows.sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }
    }

    @Test("hits equal those of comparing everything, ties by chunk, for any number asked", arguments: [1, 7, 60, 500])
    func exact(count: Int) async throws {
        try await DocumentsFixture.run { fixture in
            // Few words: many sentences are alike, so that there are ties, also where the list is cut.
            for file in 0..<4 {
                try await fixture.ingest("file:///\(file)", Self.sentences(60, seed: UInt64(file), words: 3))
            }
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            // More often than a server takes to settle on a plan for all.
            for question in Self.sentences(8, seed: 99, words: 3) {
                let expected = try await Self.bruteForce(fixture, question).prefix(count)
                let result = try await searcher.search(SearchRequest(text: question, count: count, mode: .dense))
                #expect(result.isExact && result.version == 1 && result.epoch == 1)
                #expect(result.hits.map(\.chunk.rawValue) == expected.map(\.id))
                #expect(result.hits.map(\.rank) == Array(1...min(count, 240)))
                for (hit, row) in zip(result.hits, expected) { #expect(abs(hit.score - (1 - row.distance)) < 1e-9) }
            }
        }
    }

    @Test("a hit says where it stands")
    func citation() async throws {
        try await DocumentsFixture.run { fixture in
            var texts = Self.sentences(30, seed: 1)
            texts[17] = "zebra finch ledger"
            try await fixture.ingest("file:///birds.pdf", texts)
            let draft = DocumentsFixture.drafts(texts)[17]
            let result = try await Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
                .search(SearchRequest(text: "zebra finch ledger", count: 3, mode: .dense))
            let hit = try #require(result.hits.first)
            #expect(hit.text == draft.text && hit.uri == "file:///birds.pdf" && hit.title == "A title")
            #expect(hit.pageFrom == 2 && hit.pageTo == 2 && hit.headingPath == ["Part 1"])
            #expect(hit.charFrom == draft.charFrom && hit.charTo == draft.charTo)
            #expect(abs(hit.score - 1) < 0.001)
        }
    }

    @Test("a large tenant is searched by the HNSW index, with nearly all of the true hits")
    func index() async throws {
        try await DocumentsFixture.run { fixture in
            for file in 0..<4 {
                try await fixture.ingest("file:///\(file)", Self.sentences(1_500, seed: UInt64(file), words: 400))
            }
            #expect(try await fixture.indexes.buildHNSW(fixture.index.liveVersion))
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, exactBelow: 1_000)
            let plan = try await searcher.plan(SearchRequest(text: "w1 w2 w3"))
            let name = IndexVersionNames.hnsw(fixture.index.liveVersion)
            #expect(plan.contains { $0.contains("Index Scan using \(name)") }, "\(plan.joined(separator: "\n"))")
            var (found, wanted) = (0, 0)
            for question in Self.sentences(20, seed: 7, words: 400) {
                let expected = try await Self.bruteForce(fixture, question)
                let result = try await searcher.search(SearchRequest(text: question, count: 10, mode: .dense))
                #expect(!result.isExact && result.hits.count == 10)
                #expect(zip(result.hits, result.hits.dropFirst()).allSatisfy { $0.score >= $1.score })
                // Tie-aware: whatever is as near as the tenth is right.
                found += result.hits.count { 1 - $0.score <= expected[9].distance + 1e-9 }
                wanted += 10
            }
            #expect(Double(found) / Double(wanted) >= 0.9, "\(found) of \(wanted)")
            let exact = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, exactBelow: 100_000)
            let exactPlan = try await exact.plan(SearchRequest(text: "w1 w2 w3"))
            #expect(!exactPlan.contains { $0.contains(name) }, "no approximate plan may answer an exact search")
        }
    }

    @Test("a tenant sees its own only, and all of it where the index holds mostly others'")
    func tenants() async throws {
        try await DocumentsFixture.run { fixture in
            let small = try #require(TenantID(rawValue: "small"))
            try await fixture.ingest("file:///big", Self.sentences(3_000, seed: 1))
            try await fixture.ingest("file:///own", Self.sentences(30, seed: 2), tenant: small)
            _ = try await fixture.indexes.buildHNSW(fixture.index.liveVersion)
            for exactBelow in [0, 10_000] {
                let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, exactBelow: exactBelow)
                let result = try await searcher.search(SearchRequest(text: "w1 w2 w3", tenant: small, count: 50))
                #expect(result.hits.count == 30)
                #expect(result.hits.allSatisfy { $0.uri == "file:///own" })
                let nobody = try #require(TenantID(rawValue: "nobody"))
                #expect(try await searcher.search(SearchRequest(text: "w1", tenant: nobody)).hits.isEmpty)
            }
        }
    }

    @Test("another version of the index answers from the moment the registry names it")
    func swap() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", ["one", "two", "three"])
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            #expect(try await searcher.search(SearchRequest(text: "one")).version == 1)
            let second = try await fixture.count(
                """
                INSERT INTO index_versions (index_id, number, state, model_fingerprint, chunker_fingerprint, dimension)
                SELECT index_id, 2, 'building', model_fingerprint, 'test', dimension FROM index_versions RETURNING id
                """
            )
            _ = try await fixture.store.pool.execute([
                Statement(
                    "SELECT sluice_create_embeddings($1, $2)",
                    [.int8(Int64(second)), .int4(fixture.model.dimension)]
                )
            ])
            // A document that comes meanwhile is written to both.
            try await fixture.ingest("file:///b", ["four"])
            #expect(try await fixture.count("SELECT count(*) FROM embeddings_g\(second)") == 1)
            _ = try await fixture.store.pool.execute([
                Statement("UPDATE index_versions SET state = 'soaking' WHERE number = 1"),
                Statement("UPDATE index_versions SET state = 'live' WHERE number = 2"),
                Statement("UPDATE indexes SET live_version = $1, epoch = epoch + 1", [.int8(Int64(second))]),
            ])
            let swapped = try await searcher.search(SearchRequest(text: "four"))
            #expect(swapped.version == 2 && swapped.epoch == 2 && swapped.hits.map(\.text) == ["four"])
        }
    }

    @Test("what cannot be answered is refused")
    func refusals() async throws {
        try await DocumentsFixture.run { fixture in
            let pool = fixture.store.pool
            let other = Searcher(pool: pool, embedder: DeterministicEmbedder(dimension: 32, salt: 1))
            let wrongModel = await #expect(throws: SearchError.self) {
                try await other.search(SearchRequest(text: "a"))
            }
            #expect(wrongModel?.code == .wrongModel)
            let searcher = Searcher(pool: pool, embedder: fixture.embedder)
            let nowhere = try #require(IndexName(rawValue: "nowhere"))
            let noIndex = await #expect(throws: SearchError.self) {
                try await searcher.search(SearchRequest(text: "a", index: nowhere))
            }
            #expect(noIndex?.code == .noIndex)
            for request in [
                SearchRequest(text: "a", count: 0), SearchRequest(text: "a", count: 1_001), SearchRequest(text: " \n"),
            ] {
                let refused = await #expect(throws: SearchError.self) { try await searcher.search(request) }
                #expect(refused?.code == .badRequest)
            }
            #expect(try await searcher.search(SearchRequest(text: "a")).hits.isEmpty, "an empty index has no hits")
        }
    }
}
