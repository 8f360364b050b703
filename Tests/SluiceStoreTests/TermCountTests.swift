import SluiceCore
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceSystem
import Testing

@testable import SluiceSearch

@Suite("Word statistics", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct TermCountTests {
    private static func facts(_ fixture: DocumentsFixture) async throws -> [String] {
        try await fixture.store.pool.query(
            Statement(
                """
                SELECT concat_ws(' ', tenant_id, chunks, mean_length, (
                    SELECT count(*) FROM term_frequencies f WHERE f.tenant_id = s.tenant_id AND f.index_id = s.index_id
                )) FROM term_statistics s ORDER BY 1
                """
            ) { row throws(PostgresError) in try row.text(0) }
        )
    }

    @Test(
        "the leader counts tenants with many chunks, again when they change by a tenth, and forgets them when they shrink"
    )
    func upkeep() async throws {
        try await DocumentsFixture.run { fixture in
            let other = try #require(TenantID(rawValue: "other"))
            let counts = PostgresTermCounts(fixture.store, least: 40)
            let term = try #require(try await fixture.tasks.lead(as: WorkerID.random(), for: .seconds(60)))
            let settle = { while try await counts.round(term: term) {} }
            #expect(try await counts.round(term: term) == false, "nothing is there")
            try await fixture.ingest("file:///a", (0..<60).map { "common w\($0)" })
            try await fixture.ingest("file:///b", (0..<39).map { "common w\($0)" }, tenant: other)
            #expect(try await counts.round(term: term + 1) == false, "who does not lead counts nothing")
            try await settle()
            // `common`, `part` and six numbers of parts; the other words are in fewer than a twentieth of `least`.
            #expect(try await Self.facts(fixture) == ["default 60 4 8"])

            try await fixture.ingest("file:///c", (0..<5).map { "ledger v\($0)" })
            try await settle()
            #expect(try await Self.facts(fixture) == ["default 60 4 8"], "five of sixty are less than a tenth")
            try await fixture.ingest("file:///d", (0..<5).map { "finch quill u\($0)" })
            try await fixture.ingest("file:///e", ["common"], tenant: other)
            try await settle()
            let facts = try await Self.facts(fixture)
            #expect(facts.map { $0.prefix { $0 != "." } } == ["default 70 4", "other 40 3"], "\(facts)")

            // Stale or not, what is asked is found.
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder)
            for question in ["common", "w7", "finch common", "v1"] {
                let hits = try await searcher.search(SearchRequest(text: question, mode: .bm25)).hits
                #expect(!hits.isEmpty && hits[0].score > 0)
            }
            try await fixture.ingest("file:///a", ["common"])
            try await settle()
            #expect(try await Self.facts(fixture).map { $0.prefix(5) } == ["other"])
            _ = try await fixture.store.pool.execute([
                Statement("UPDATE term_statistics SET counted_at = now() - interval '2 days'")
            ])
            #expect(try await counts.round(term: term), "after a day")
            #expect(try await counts.round(term: term) == false)
        }
    }
}
