import FoundationEssentials
import SluiceCore
import SluiceInference
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@testable import SluiceSearch

@Suite("Search by words", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct LexicalSearchTests {
    /// Words that are no stop words and that stemming leaves alone; the first ones are frequent.
    private static func corpus(_ count: Int, _ random: inout SeededGenerator) -> [String] {
        (0..<count).map { _ in
            (0..<Int.random(in: 1...30, using: &random)).map { _ in
                let word = Int.random(in: 0..<40, using: &random) * Int.random(in: 0..<40, using: &random) / 40
                return "w\(word)"
            }.joined(separator: " ")
        }
    }

    /// BM25 as the books have it, over all texts.
    private static func books(_ question: String, _ texts: [(id: Int64, text: String)]) -> [(id: Int64, score: Double)]
    {
        let words = texts.map { ($0.id, $0.text.split(separator: " ").map(String.init)) }
        guard !words.isEmpty else { return [] }
        let mean = Double(words.reduce(0) { $0 + $1.1.count }) / Double(words.count)
        let ranking = BM25()
        var scores: [Int64: Double] = [:]
        for word in Set(question.split(separator: " ").map(String.init)) {
            let frequency = words.count { $0.1.contains(word) }
            let weight = ranking.weight(inChunks: frequency, of: words.count)
            for (id, held) in words where held.contains(word) {
                scores[id, default: 0] += ranking.score(
                    weight: weight,
                    occurrences: held.count { $0 == word },
                    length: held.count,
                    meanLength: mean
                )
            }
        }
        return scores.map { (id: $0.key, score: $0.value) }
    }

    private static func texts(
        _ fixture: DocumentsFixture,
        _ tenant: TenantID = .default
    ) async throws -> [(id: Int64, text: String)] {
        try await fixture.store.pool.query(
            Statement(
                "SELECT id, lower(array_to_string(heading_path, ' ')) || ' ' || text FROM chunks WHERE tenant_id = $1 ORDER BY id",
                [.text(tenant.rawValue)]
            ) {
                row throws(PostgresError) in (id: try row.int64(0), text: try row.text(1))
            }
        )
    }

    private static func agree(
        _ searcher: Searcher,
        _ fixture: DocumentsFixture,
        _ question: String,
        _ tenant: TenantID = .default,
        count: Int = 1_000
    ) async throws {
        let expected = books(question, try await texts(fixture, tenant))
        let result = try await searcher.search(
            SearchRequest(text: question, tenant: tenant, count: count, mode: .bm25)
        )
        #expect(result.hits.count == min(count, expected.count))
        let scores = Dictionary(expected.map { ($0.id, $0.score) }) { first, _ in first }
        for hit in result.hits {
            #expect(abs(hit.score - (scores[hit.chunk.rawValue] ?? -1)) < 1e-9)
            #expect(hit.parts.lexicalRank == hit.rank && hit.parts.bm25 == hit.score && hit.parts.denseRank == nil)
        }
        // The same scores at the same places, whatever rounding makes of ties.
        let best = expected.map(\.score).sorted(by: >).prefix(count)
        for (hit, score) in zip(result.hits, best) { #expect(abs(hit.score - score) < 1e-9) }
    }

    @Test("scores are those of BM25 over all chunks, also after documents changed and went", arguments: 1...6)
    func books(seed: UInt64) async throws {
        try await DocumentsFixture.run { fixture in
            var random = SeededGenerator(seed: seed)
            let other = try #require(TenantID(rawValue: "other"))
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            for round in 0..<3 {
                for file in 0..<Int.random(in: 1...4, using: &random) {
                    let texts = Self.corpus(Int.random(in: 1...40, using: &random), &random)
                    try await fixture.ingest("file:///\(file)", texts, tenant: file % 3 == 2 ? other : .default)
                }
                if round == 2 {
                    _ = try await fixture.store.pool.execute([
                        Statement("DELETE FROM chunks WHERE id % 3 = 0")
                    ])
                }
                for _ in 0..<4 {
                    let question = Self.corpus(1, &random)[0]
                    try await Self.agree(searcher, fixture, question)
                    try await Self.agree(searcher, fixture, question, other, count: 5)
                }
            }
            #expect(
                try await fixture.count(
                    "SELECT count(*) FROM chunks FULL JOIN chunk_terms ON chunk_id = id WHERE id IS NULL OR chunk_id IS NULL"
                ) == 0
            )
        }
    }

    @Test("an index reads words in the language it was made with; one that the database does not know is refused")
    func language() async throws {
        try await DocumentsFixture.run { english in
            let name = try #require(IndexName(rawValue: "deutsch"))
            await #expect(throws: TaskFailure.self) {
                try await english.indexes.ensureIndex(
                    name,
                    model: english.model,
                    chunkerFingerprint: "test",
                    language: "klingon"
                )
            }
            #expect(try await english.indexes.index(name) == nil)
            let german = DocumentsFixture(
                store: english.store,
                tasks: english.tasks,
                documents: english.documents,
                indexes: english.indexes,
                index: try await english.indexes.ensureIndex(
                    name,
                    model: english.model,
                    chunkerFingerprint: "test",
                    language: "german"
                ),
                embedder: english.embedder,
                worker: english.worker
            )
            let texts = ["die Katzen schlafen auf den warmen Dächern", "the houses of the parliament"]
            try await english.ingest("file:///a", texts)
            try await german.ingest("file:///b", texts)
            let searcher = Searcher(pool: english.store.pool, embedder: english.embedder)
            func hits(_ text: String, _ index: IndexName) async throws -> Int {
                try await searcher.search(SearchRequest(text: text, index: index, mode: .bm25)).hits.count
            }
            // Stems: of the one language, not of the other. And what stops a sentence in one says something in the other.
            #expect(try await hits("schlafend", name) == 1)
            #expect(try await hits("houses", .default) == 1)
            #expect(try await hits("auf", name) == 0)
            #expect(try await hits("auf", .default) == 1)
        }
    }

    @Test("one tenant's words never meet another's, nor are they counted with them")
    func tenants() async throws {
        try await DocumentsFixture.run { fixture in
            let other = try #require(TenantID(rawValue: "other"))
            try await fixture.ingest("file:///a", ["zebra finch", "zebra zebra", "ledger"])
            try await fixture.ingest("file:///b", ["zebra", "quill"], tenant: other)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            for mode in SearchMode.allCases {
                let own = try await searcher.search(SearchRequest(text: "zebra", mode: mode))
                #expect(own.hits.allSatisfy { $0.uri == "file:///a" } && own.mode == mode)
                let theirs = try await searcher.search(SearchRequest(text: "zebra", tenant: other, mode: mode))
                #expect(theirs.hits.allSatisfy { $0.uri == "file:///b" })
            }
            try await Self.agree(searcher, fixture, "zebra")
            try await Self.agree(searcher, fixture, "zebra", other)
            let shared = try await fixture.count(
                "SELECT count(*) FROM chunk_terms a JOIN chunk_terms b ON a.terms && b.terms JOIN chunks c ON c.id = a.chunk_id "
                    + "JOIN chunks d ON d.id = b.chunk_id WHERE c.tenant_id <> d.tenant_id"
            )
            #expect(shared == 0)
            // What was counted for one tenant is not used for the other, and small tenants have nothing kept.
            #expect(try await fixture.count("SELECT sluice_count_terms('default', 1, 2)") == 3)
            #expect(try await fixture.count("SELECT chunks FROM term_statistics WHERE tenant_id = 'default'") == 3)
            try await Self.agree(searcher, fixture, "zebra finch")
            try await Self.agree(searcher, fixture, "zebra", other)
            #expect(try await fixture.count("SELECT sluice_count_terms('default', 1, 1000)") == 3)
            #expect(try await fixture.count("SELECT count(*) FROM term_statistics") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM term_frequencies") == 0)
        }
    }

    @Test("the headings over a chunk are words of it, also when it comes to stand under others")
    func headings() async throws {
        try await DocumentsFixture.run { fixture in
            let texts = (0..<14).map { "quill w\($0)" }
            try await fixture.ingest("file:///a", texts)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            let under = {
                try await searcher.search(SearchRequest(text: "1", count: 100, mode: .bm25)).hits.map(\.text)
            }
            #expect(Set(try await under()) == Set(texts[10...]))
            try await Self.agree(searcher, fixture, "part 1 w3 quill")
            try await fixture.ingest("file:///a", Array(texts[2...]))
            #expect(Set(try await under()) == Set(texts[12...]))
            try await Self.agree(searcher, fixture, "part 1 w3 w12 quill")
        }
    }

    @Test("questions are asked by their stems, in any order; stop words alone find nothing")
    func words() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest(
                "file:///a",
                ["The conflicts were resolved.", "A ledger of finches", "of the and"]
            )
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            let found = try await searcher.search(SearchRequest(text: "How to resolve a conflict?", mode: .bm25))
            #expect(found.hits.map(\.text) == ["The conflicts were resolved."])
            for nothing in ["what is the of", "unheard", "?!"] {
                #expect(try await searcher.search(SearchRequest(text: nothing, mode: .bm25)).hits.isEmpty)
            }
            let refused = await #expect(throws: SearchError.self) {
                try await searcher.search(SearchRequest(text: "a\0b", mode: .bm25))
            }
            #expect(refused?.code == .badRequest)
            // Words need no model.
            let elsewhere = Searcher(pool: fixture.store.pool, embedder: DeterministicEmbedder(dimension: 32, salt: 1))
            #expect(try await elsewhere.search(SearchRequest(text: "ledger", mode: .bm25)).hits.count == 1)
        }
    }

    @Test("candidates come from the GIN index; rare words of a question choose them")
    func candidates() async throws {
        try await DocumentsFixture.run { fixture in
            var random = SeededGenerator(seed: 5)
            var texts = (0..<4_000).map { _ in
                (0..<10).map { _ in "w\(Int.random(in: 0..<2_000, using: &random))" }.joined(separator: " ") + " common"
            }
            texts[3_977] += " rare"
            try await fixture.ingest("file:///a", texts)
            _ = try await fixture.store.pool.execute([Statement("ANALYZE chunk_terms")])
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, candidates: 100)
            let hits = try await searcher.search(SearchRequest(text: "common rare", mode: .bm25)).hits
            #expect(hits.count == 10 && hits.first?.text == texts[3_977], "then those with the common word alone")
            #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score })
            #expect(try await searcher.search(SearchRequest(text: "common", count: 200, mode: .bm25)).hits.count == 200)
            let lines = try await fixture.store.pool.query(
                Statement(
                    "EXPLAIN SELECT chunk_id FROM chunk_terms WHERE terms && ARRAY[(sluice_terms('default', 1, 'english', 'w7')).terms[1]]"
                ) { row throws(PostgresError) in try row.text(0) }
            )
            #expect(lines.contains { $0.contains("chunk_terms_idx") }, "\(lines)")
        }
    }

    @Test("where even the rarest word is in more chunks than are scored, those with the next one too are among them")
    func joint() async throws {
        try await DocumentsFixture.run { fixture in
            var texts = (0..<2_000).map { $0 % 2 == 0 ? "common \($0)" : "usual \($0) here" }
            texts[1_977] = "the common and usual one"
            try await fixture.ingest("file:///a", texts)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, candidates: 100)
            let hits = try await searcher.search(SearchRequest(text: "common usual", count: 150, mode: .bm25)).hits
            #expect(hits.count >= 100 && hits.first?.text == texts[1_977])
            #expect(Set(hits.map(\.chunk)).count == hits.count)
            #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score })
        }
        let ranking = BM25()
        func plan(_ frequencies: Int..., limit: Int = 100) -> TermPlan {
            let asked = frequencies.enumerated().map { AskedTerm(term: Int64($0.offset), frequency: $0.element) }
            return TermPlan(asked, chunks: 1_000, limit: limit, ranking: ranking)
        }
        #expect(plan(300, 101, 200).joint?.selecting == [1, 2] && plan(300, 101, 200).joint?.wantsAll == true)
        #expect(plan(300, 101, 200).joint?.scoring == [1, 2, 0] && plan(300, 101).joint?.joint == nil)
        #expect(plan(300, 100).joint == nil && plan(101).joint == nil && plan().joint == nil)
        #expect(plan(50, 60).isSelective && !plan(50, 50).isSelective && !plan(50, 60).unselective.isSelective)
    }

    @Test("hybrid hits are fused by rank and say how they came there")
    func hybrid() async throws {
        try await DocumentsFixture.run { fixture in
            var random = SeededGenerator(seed: 9)
            try await fixture.ingest("file:///a", Self.corpus(150, &random))
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            for _ in 0..<5 {
                let question = Self.corpus(1, &random)[0]
                let dense = try await searcher.search(SearchRequest(text: question, count: 100, mode: .dense)).hits
                let lexical = try await searcher.search(SearchRequest(text: question, count: 100, mode: .bm25)).hits
                let expected = Fusion.ranked([dense.map(\.chunk.rawValue), lexical.map(\.chunk.rawValue)])
                let hits = try await searcher.search(SearchRequest(text: question, count: 20)).hits
                #expect(hits.map(\.chunk.rawValue) == expected.prefix(20).map(\.element))
                for hit in hits {
                    let parts = hit.parts
                    #expect(parts.denseRank == dense.first { $0.chunk == hit.chunk }?.rank)
                    #expect(parts.lexicalRank == lexical.first { $0.chunk == hit.chunk }?.rank)
                    let sum = [parts.denseRank, parts.lexicalRank].compactMap { $0 }.reduce(0) {
                        $0 + 1 / (60 + Double($1))
                    }
                    #expect(abs(sum - hit.score) < 1e-12)
                }
            }
        }
    }
}
