import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Synchronization
import Testing

@Suite("Refined search", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct RefinedSearchTests {
    /// Prefers passages with a word, and remembers what it was shown.
    private final class WordJudge: Reranker {
        let name = "word judge"
        private let word: String
        private let shown = Mutex<[String]>([])

        init(_ word: String) { self.word = word }

        var passages: [String] { shown.withLock(\.self) }

        func scores(_ question: String, _ passages: [String]) async throws(InferenceError) -> [Float] {
            shown.withLock { $0 += passages }
            return passages.map { $0.contains(word) ? 5 : -5 }
        }
    }

    private static func fill(_ fixture: DocumentsFixture) async throws {
        for file in 0..<6 {
            try await fixture.ingest("file:///\(file)", (0..<8).map { "ledger of finch \(file) in part \($0)" })
            _ = try await fixture.store.pool.execute([
                Statement(
                    """
                    UPDATE document_versions SET source_modified_at = now() - make_interval(days => $2)
                    FROM documents WHERE documents.live_version = document_versions.id AND documents.uri = $1
                    """,
                    [.text("file:///\(file)"), .int4(file * 10)]
                )
            ])
        }
    }

    @Test("a document gives no more hits than it may", arguments: SearchMode.allCases)
    func perDocument(mode: SearchMode) async throws {
        try await DocumentsFixture.run { fixture in
            try await Self.fill(fixture)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            var request = SearchRequest(text: "ledger of finch 3", count: 10, mode: mode)
            request.perDocument = 2
            let hits = try await searcher.search(request).hits
            #expect(hits.count == 10 && hits.map(\.rank) == Array(1...10))
            #expect(Dictionary(grouping: hits, by: \.document).values.allSatisfy { $0.count <= 2 })
            request.perDocument = 1
            #expect(try await searcher.search(request).hits.count == 6)
        }
    }

    @Test("what was changed lately comes first when that is all that counts")
    func recency() async throws {
        try await DocumentsFixture.run { fixture in
            try await Self.fill(fixture)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            var request = SearchRequest(text: "ledger of finch 5", count: 6)
            request.recency = Recency(halfLife: 10 * 86_400, weight: 1)
            request.perDocument = 1
            let hits = try await searcher.search(request).hits
            #expect(hits.map(\.uri) == (0..<6).map { "file:///\($0)" })
            for (age, hit) in hits.enumerated() {
                #expect(abs((hit.parts.freshness ?? -1) - [1, 0.5, 0.25, 0.125, 0.0625, 0.03125][age]) < 0.001)
                #expect(hit.score == hit.parts.freshness)
            }
        }
    }

    @Test("hits are unlike each other when that is wanted, and say how like they are")
    func diversity() async throws {
        try await DocumentsFixture.run { fixture in
            // Three texts, each many times.
            for file in 0..<30 {
                try await fixture.ingest("file:///\(file)", [["finch", "heron", "robin"][file % 3] + " sings"])
            }
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            var request = SearchRequest(text: "finch sings", count: 3, mode: .dense)
            #expect(Set(try await searcher.search(request).hits.map(\.text)).count == 1)
            request.diversity = 0.3
            let hits = try await searcher.search(request).hits
            #expect(Set(hits.map(\.text)).count == 3 && hits.first?.text == "finch sings")
            #expect(hits.allSatisfy { ($0.parts.likeness ?? 9) < 0.999 })
        }
    }

    @Test("the reranker has the last word on what it was shown; what is behind follows as it was")
    func rerank() async throws {
        try await DocumentsFixture.run { fixture in
            try await Self.fill(fixture)
            let judge = WordJudge("part 7")
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, reranker: judge)
            var request = SearchRequest(text: "ledger of finch 2", count: 4)
            request.rerank = 40
            let result = try await searcher.search(request)
            #expect(result.trace.reranker == "word judge" && result.trace.reranked == 40 && judge.passages.count == 40)
            #expect(
                result.hits.count == 4
                    && result.hits.allSatisfy { $0.text.contains("part 7") && $0.parts.reranked == 5 }
            )
            #expect(result.hits.allSatisfy { $0.parts.fused != nil })
            let plain = try await searcher.search(SearchRequest(text: "ledger of finch 2", count: 30)).hits
            request.count = 30
            request.rerank = 10
            let hits = try await searcher.search(request).hits
            #expect(hits.count == 30 && hits.prefix(10).allSatisfy { $0.parts.reranked != nil })
            #expect(Set(hits.prefix(10).map(\.chunk)) == Set(plain.prefix(10).map(\.chunk)))
            #expect(hits.dropFirst(10).map(\.chunk) == plain.dropFirst(10).map(\.chunk))
            #expect(hits.dropFirst(10).allSatisfy { $0.parts.reranked == nil })
            #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score }, "never a better one below")
            let without = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            let error = await #expect(throws: SearchError.self) { try await without.search(request) }
            #expect(error?.code == .noReranker)
        }
    }

    @Test("weights of meaning and words lead from the one list to the other, and the plan is told")
    func weighted() async throws {
        try await DocumentsFixture.run { fixture in
            try await Self.fill(fixture)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            func first(_ mode: SearchMode, _ weight: Double? = nil) async throws -> [SearchHit] {
                var request = SearchRequest(text: "finch 4 part 3", count: 5, mode: mode)
                if let weight { request.fusion = .weighted(dense: weight) }
                request.explains = true
                let result = try await searcher.search(request)
                #expect(result.trace.plan.isEmpty == (mode == .bm25))
                return result.hits
            }
            let dense = try await first(.dense).map(\.chunk)
            #expect(try await first(.hybrid, 1).map(\.chunk) == dense)
            let words = try await first(.bm25).first?.chunk
            #expect(try await first(.hybrid, 0).first?.chunk == words)
            let both = try await first(.hybrid, 0.5)
            #expect(both.allSatisfy { (0...1).contains($0.score) && $0.parts.fused == $0.score })
        }
    }

    @Test("misspelt words find what one slip was made in, of this tenant only")
    func respelled() async throws {
        try await DocumentsFixture.run { fixture in
            try await Self.fill(fixture)
            let other = try #require(TenantID(rawValue: "other"))
            try await fixture.ingest("file:///other", ["a heron"], tenant: other)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            func ask(_ text: String, _ tenant: TenantID = .default) async throws -> SearchResult {
                try await searcher.search(SearchRequest(text: text, tenant: tenant, mode: .bm25))
            }
            let found = try await ask("ledgre fnich")
            #expect(found.hits.count == 10 && found.trace.respelled == ["ledgre": ["ledger"], "fnich": ["finch"]])
            #expect(try await ask("ledger").trace.respelled.isEmpty)
            let beside = try await ask("ledgre finch")
            #expect(beside.trace.respelled == ["ledgre": ["ledger"]], "also beside words that are known")
            #expect(try await ask("ledger finch").trace.respelled.isEmpty)
            #expect(try await ask("herno").hits.isEmpty)
            #expect(try await ask("herno", other).hits.count == 1)
            #expect(try await ask("qqqqqqqq").hits.isEmpty)
            #expect(try await ask("the of and").hits.isEmpty)
        }
    }

    @Test(
        "words with more than one slip find what they are like, counting less than the word itself; only of this tenant"
    )
    func alike() async throws {
        try await DocumentsFixture.run { fixture in
            let other = try #require(TenantID(rawValue: "other"))
            try await fixture.ingest("file:///a", ["a hypertrophic heart", "a large heart", "the photographs"])
            try await fixture.ingest("file:///b", ["an encyclopaedia", "a heron"], tenant: other)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            func ask(_ text: String, _ tenant: TenantID = .default, _ mode: SearchMode = .bm25) async throws
                -> SearchResult
            {
                try await searcher.search(SearchRequest(text: text, tenant: tenant, mode: mode))
            }
            let found = try await ask("hyppertroffic heart")
            #expect(found.trace.respelled == ["hyppertroffic": ["hypertroph"]])
            #expect(found.hits.map(\.text) == ["a hypertrophic heart", "a large heart"])
            let right = try await ask("hypertrophic")
            let wrong = try await ask("hyppertroffic")
            #expect(wrong.hits.map(\.text) == right.hits.map(\.text) && wrong.hits.count == 1)
            #expect(wrong.hits[0].score < right.hits[0].score * 0.9 && wrong.hits[0].score > 0)
            #expect(try await ask("enciclopaedea").trace.respelled.isEmpty)
            #expect(try await ask("enciclopaedea", other).hits.map(\.text) == ["an encyclopaedia"])
            #expect(try await ask("fotographes", .default, .hybrid).trace.respelled == ["fotographes": ["photograph"]])
        }
    }

    private func ingest(
        _ uri: String,
        _ texts: [String],
        _ principals: [String],
        _ fixture: DocumentsFixture
    ) async throws {
        _ = try await fixture.documents.requestIngest(
            of: [uri],
            tenant: .default,
            index: fixture.index,
            label: "",
            attributes: DocumentAttributes(principals: principals)
        )
        try await fixture.ingest(uri, texts)
    }

    @Test("a guess at a misspelt word tells nobody of words in documents that are not for them")
    func respelledAmong() async throws {
        try await DocumentsFixture.run { fixture in
            for (uri, text, principals) in [
                ("file:///secret", "the quetzal and heroin memorandum", ["board"]),
                ("file:///open", "a heron stands", ["*"]),
            ] {
                try await ingest(uri, [text], principals, fixture)
            }
            for matchingBelow in [4_000, 0] {
                let searcher = Searcher(
                    pool: fixture.store.pool,
                    embedder: fixture.embedder,
                    matchingBelow: matchingBelow
                )
                func ask(_ text: String, _ principals: [String]?) async throws -> SearchResult {
                    var request = SearchRequest(text: text, mode: .bm25)
                    request.principals = principals
                    return try await searcher.search(request)
                }
                let insider = try await ask("quetzla", ["board"])
                #expect(insider.hits.count == 1 && insider.trace.respelled == ["quetzla": ["quetzal"]])
                #expect(try await ask("quetzla", nil).trace.respelled == ["quetzla": ["quetzal"]])
                for principals in [[], ["guests"]] {
                    let outsider = try await ask("quetzla", principals)
                    #expect(outsider.hits.isEmpty && outsider.trace.respelled.isEmpty)
                    #expect(try await ask("herno", principals).trace.respelled == ["herno": ["heron"]])
                }
                // A word that only the hidden document has is as unknown as one that none has.
                #expect(try await ask("heroin", ["board"]).trace.respelled.isEmpty)
                #expect(try await ask("heroin", ["guests"]).trace.respelled == ["heroin": ["heron"]])
            }
        }
    }

    @Test(
        "common words of hidden documents are as unknown as rare ones; what is visible is told as far as it is looked for"
    )
    func respelledCommon() async throws {
        try await DocumentsFixture.run { fixture in
            func ask(_ text: String, _ principals: [String], below: Int) async throws -> [String: [String]] {
                let searcher = Searcher(
                    pool: fixture.store.pool,
                    embedder: fixture.embedder,
                    matchingBelow: below
                )
                var request = SearchRequest(text: text, mode: .bm25)
                request.principals = principals
                return try await searcher.search(request).trace.respelled
            }
            try await ingest("file:///secret", (0..<1_001).map { "zephyrine heroin \($0)" }, ["board"], fixture)
            try await ingest("file:///open", ["a heron stands"], ["*"], fixture)
            for below in [4_000, 0] {
                #expect(try await ask("zephirine", ["board"], below: below) == ["zephirine": ["zephyrine"]])
                #expect(try await ask("zephirine", ["guests"], below: below).isEmpty)
                #expect(try await ask("zefirrine", ["guests"], below: below).isEmpty)
                #expect(try await ask("heroin", ["board"], below: below).isEmpty)
                #expect(try await ask("heroin", ["guests"], below: below) == ["heroin": ["heron"]])
            }
            // Behind all the others.
            try await ingest("file:///late", ["zephyrine heroin at last"], ["guests"], fixture)
            #expect(try await ask("zephirine", ["guests"], below: 4_000) == ["zephirine": ["zephyrine"]])
            #expect(try await ask("zephirine", ["guests"], below: 0).isEmpty)
            for below in [4_000, 0] { #expect(try await ask("heroin", ["guests"], below: below).isEmpty) }
        }
    }

    @Test("one year is not taken for another")
    func numbers() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///a", ["the report of 2022", "il6b and its report"])
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            for question in ["report 2024", "2024", "report il6a"] {
                let result = try await searcher.search(SearchRequest(text: question, mode: .bm25))
                #expect(result.trace.respelled.isEmpty && result.hits.count == (question == "2024" ? 0 : 2))
            }
        }
    }

    @Test("a reranker that judges few leaves enough to pick from")
    func rerankAndPick() async throws {
        try await DocumentsFixture.run { fixture in
            try await Self.fill(fixture)
            let changes: [@Sendable (inout SearchRequest) -> Void] = [
                { $0.perDocument = 1 },
                {
                    $0.perDocument = 1
                    $0.diversity = 0.7
                },
                {
                    $0.perDocument = 1
                    $0.recency = Recency(halfLife: 86_400)
                },
            ]
            for change in changes {
                let judge = WordJudge("part 7")
                let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, reranker: judge)
                var request = SearchRequest(text: "ledger of finch 2", count: 6)
                change(&request)
                request.rerank = 2
                let result = try await searcher.search(request)
                #expect(result.hits.count == 6 && Set(result.hits.map(\.document)).count == 6)
                #expect(judge.passages.count == 2 && result.trace.reranked == 2)
            }
        }
    }

    @Test("what makes no sense is refused")
    func refusals() async throws {
        try await DocumentsFixture.run { fixture in
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, reranker: WordJudge("a"))
            let changes: [@Sendable (inout SearchRequest) -> Void] = [
                { $0.rerank = 0 }, { $0.rerank = 201 }, { $0.perDocument = 0 }, { $0.diversity = 1.1 },
                { $0.fusion = .weighted(dense: -0.1) }, { $0.recency = Recency(halfLife: 0) },
                { $0.recency = Recency(halfLife: 1, weight: 2) }, { $0.diversity = .nan },
                { $0.recency = Recency(halfLife: .infinity) },
            ]
            for change in changes {
                var request = SearchRequest(text: "a")
                change(&request)
                let refused = request
                let error = await #expect(throws: SearchError.self) { try await searcher.search(refused) }
                #expect(error?.code == .badRequest)
            }
        }
    }
}
