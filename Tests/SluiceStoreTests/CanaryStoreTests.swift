import SluiceCore
import SluiceDocuments
import SluiceInference
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Synchronization
import Testing

@Suite("Canaries on real versions", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct CanaryStoreTests {
    private func ready(_ fixture: GateFixture, _ version: IndexVersionID) async throws {
        try await fixture.execute("UPDATE index_versions SET state = 'ready' WHERE id = \(version)")
    }

    @Test("it answers its share, by question or tenant, is counted, and ends by hand")
    func share() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let canaries = PostgresCanaries(fixture.base.store)
            #expect(try await !canaries.set(.default, percent: 50, by: .question), "nothing is ready")
            #expect(try await canaries.canary(of: .default) == nil)
            #expect(try await !canaries.end(.default, reason: "test"))
            try await ready(fixture, try await fixture.candidate())
            let searcher = Searcher(pool: fixture.base.store.pool, embedder: fixture.base.embedder)
            #expect(try await canaries.set(.default, percent: 30, by: .question))
            var byCanary = 0
            for number in 0..<100 {
                let question = "t\(number) words"
                let expected = CanaryShare.place(of: question) < 30 ? 2 : 1
                let result = try await searcher.search(SearchRequest(text: question))
                #expect(result.version == expected)
                if expected == 2 { byCanary += 1 }
            }
            await searcher.flush()
            let record = try #require(try await canaries.canary(of: .default))
            #expect(record.number == 2 && record.percent == 30 && record.share == .question && record.isActive)
            #expect(record.counts.searches == byCanary && record.live.searches == 100 - byCanary)
            #expect(record.counts.errors == 0 && record.counts.p95 != nil)
            // Who names a version gets it, and words alone are the live one's.
            #expect(try await searcher.search(SearchRequest(text: "t1 words", version: 1)).version == 1)
            #expect(try await searcher.search(SearchRequest(text: "t1", mode: .bm25)).version == 1)

            #expect(try await canaries.set(.default, percent: 100, by: .tenant))
            #expect(try await canaries.canary(of: .default)?.counts.searches == 0, "counts begin anew")
            #expect(try await searcher.search(SearchRequest(text: "x", tenant: GateFixture.acme)).version == 2)
            // Once it is swapped in, or failed, it is none any more.
            try await fixture.execute("UPDATE index_versions SET state = 'failed' WHERE number = 2")
            #expect(try await searcher.search(SearchRequest(text: "x")).version == 1)
            #expect(try await canaries.canary(of: .default)?.isActive == false)
            #expect(try await canaries.end(.default, reason: "test"))
            let events = try await fixture.base.count("SELECT count(*) FROM index_events WHERE event LIKE 'canary %'")
            #expect(events == 3)
        }
    }

    @Test("one whose searches fail costs no reader an answer, and ends by itself")
    func breach() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let version = try await fixture.candidate()
            try await ready(fixture, version)
            let canaries = PostgresCanaries(fixture.base.store)
            #expect(try await canaries.set(.default, percent: 50, by: .question))
            // As though its table had got lost.
            try await fixture.execute("ALTER TABLE embeddings_g\(version) RENAME TO gone")
            try await fixture.execute(
                "CREATE VIEW embeddings_g\(version) AS SELECT chunk_id, tenant_id, content_hash, embedding, 1 / (chunk_id - chunk_id) AS fault FROM gone WHERE 1 / (chunk_id - chunk_id) > 0"
            )
            let searcher = Searcher(pool: fixture.base.store.pool, embedder: fixture.base.embedder)
            for number in 0..<300 {
                let result = try await searcher.search(SearchRequest(text: "t\(number) words"))
                #expect(result.version == 1 && !result.hits.isEmpty)
            }
            #expect(try await canaries.canary(of: .default) == nil)
            let ended = try await fixture.base.count(
                "SELECT count(*) FROM index_events WHERE event = 'canary ended' AND detail->>'reason' LIKE 'by itself: %failed'"
            )
            #expect(ended == 1)
        }
    }

    /// Gives no answer, and counts how often it was asked.
    private final class BrokenJudge: Reranker {
        let name = "broken judge"
        private let count = Mutex(0)

        var asked: Int { count.withLock(\.self) }

        func scores(_ question: String, _ passages: [String]) async throws(InferenceError) -> [Float] {
            count.withLock { $0 += 1 }
            throw .runtime(operation: "rerank", reason: "it is broken")
        }
    }

    @Test("a reranker that fails fails the search, once, and counts against no version")
    func reranker() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            try await ready(fixture, try await fixture.candidate())
            let canaries = PostgresCanaries(fixture.base.store)
            #expect(try await canaries.set(.default, percent: 100, by: .tenant))
            let judge = BrokenJudge()
            let searcher = Searcher(pool: fixture.base.store.pool, embedder: fixture.base.embedder, reranker: judge)
            var request = SearchRequest(text: "t1 words")
            request.rerank = 5
            let asked = request
            await #expect(throws: InferenceError.self) { try await searcher.search(asked) }
            #expect(judge.asked == 1)
            await searcher.flush()
            let record = try #require(try await canaries.canary(of: .default))
            #expect(record.counts.searches == 1 && record.counts.errors == 0 && record.live.searches == 0)
        }
    }

    @Test("a setting that is refused leaves the counts")
    func refused() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let canaries = PostgresCanaries(fixture.base.store)
            try await ready(fixture, try await fixture.candidate())
            #expect(try await canaries.set(.default, percent: 100, by: .tenant))
            let searcher = Searcher(pool: fixture.base.store.pool, embedder: fixture.base.embedder)
            _ = try await searcher.search(SearchRequest(text: "t1 words"))
            await searcher.flush()
            try await fixture.execute("UPDATE index_versions SET state = 'aborted' WHERE number = 2")
            #expect(try await !canaries.set(.default, percent: 5, by: .question))
            let record = try #require(try await canaries.canary(of: .default))
            #expect(record.counts.searches == 1 && record.percent == 100)
        }
    }

    @Test("readers that make one search each are counted, and can end it: by failures, and alone by how long they take")
    func oneSearchEach() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            try await ready(fixture, try await fixture.candidate())
            let canaries = PostgresCanaries(fixture.base.store)
            #expect(try await canaries.set(.default, percent: 100, by: .tenant))
            for _ in 0..<49 {
                let searcher = Searcher(pool: fixture.base.store.pool, embedder: fixture.base.embedder)
                #expect(try await searcher.search(SearchRequest(text: "t1 words")).version == 2)
                await searcher.flush()
            }
            let record = try #require(try await canaries.canary(of: .default))
            #expect(record.counts.searches == 49 && record.live.searches == 0)
            // As though all of them had been slow, beyond what the gates allow.
            try await fixture.set(["p95_ms": 100])
            try await fixture.execute("UPDATE canary_counts SET waits[30] = 1000")
            let last = Searcher(pool: fixture.base.store.pool, embedder: fixture.base.embedder)
            _ = try await last.search(SearchRequest(text: "t1 words"))
            await last.flush()
            #expect(try await canaries.canary(of: .default) == nil)
            let ended = try await fixture.base.count(
                "SELECT count(*) FROM index_events WHERE event = 'canary ended' AND detail->>'reason' LIKE '%allow 100 ms'"
            )
            #expect(ended == 1)
        }
    }

    @Test("a reader of two indexes with canaries counts for each its own")
    func twoIndexes() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            try await ready(fixture, try await fixture.candidate())
            let canaries = PostgresCanaries(fixture.base.store)
            #expect(try await canaries.set(.default, percent: 100, by: .tenant))
            let other = try #require(IndexName(rawValue: "other"))
            let made = try await fixture.base.indexes.ensureIndex(
                other,
                model: fixture.base.model,
                chunkerFingerprint: "test"
            )
            // Its canary is an empty table of its own.
            try await fixture.execute(
                """
                INSERT INTO index_versions (
                    index_id, number, state, model_fingerprint, chunker_fingerprint, dimension, hnsw_m, hnsw_ef_construction
                )
                SELECT index_id, 2, 'ready', model_fingerprint, chunker_fingerprint, dimension, hnsw_m, hnsw_ef_construction
                FROM index_versions WHERE id = \(made.liveVersion)
                """
            )
            try await fixture.execute(
                """
                SELECT sluice_create_embeddings(id, dimension) FROM index_versions
                WHERE number = 2 AND index_id = (SELECT id FROM indexes WHERE name = 'other')
                """
            )
            #expect(try await canaries.set(other, percent: 100, by: .tenant))
            let searcher = Searcher(pool: fixture.base.store.pool, embedder: fixture.base.embedder)
            for number in 0..<30 {
                let index: IndexName = number.isMultiple(of: 3) ? other : .default
                #expect(try await searcher.search(SearchRequest(text: "t1 words", index: index)).version == 2)
            }
            await searcher.flush()
            #expect(try await canaries.canary(of: .default)?.counts.searches == 20)
            #expect(try await canaries.canary(of: other)?.counts.searches == 10)
        }
    }

    @Test("a process without its model goes on with the live version; one with both asks each in its own")
    func models() async throws {
        try await GateFixture.run(scale: 300) { fixture in
            let other = DeterministicEmbedder(dimension: 32, salt: 7)
            let version = try await fixture.candidate(
                model: ModelIdentity(fingerprint: other.model.fingerprint, dimension: 32)
            )
            try await fixture.embed(version, with: other)
            try await ready(fixture, version)
            #expect(try await PostgresCanaries(fixture.base.store).set(.default, percent: 100, by: .tenant))
            let pool = fixture.base.store.pool
            let one = Searcher(pool: pool, embedder: fixture.base.embedder)
            #expect(try await one.search(SearchRequest(text: "t1 u1")).version == 1)
            let both = Searcher(pool: pool, embedders: [fixture.base.embedder, other])
            let result = try await both.search(SearchRequest(text: "t1 u1"))
            #expect(result.version == 2 && !result.hits.isEmpty)
        }
    }
}
