import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceSearch
import SluiceServerKit
import SluiceStore
import SluiceSystem
import Testing

@Suite("Word statistics of two chunk sets", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RechunkStatisticsTests {
    private static let least = 40

    /// Counts of all sets, as text: `tenant set chunks mean` and, where there are many chunks, `tenant set word chunks`.
    private struct Counts: Equatable {
        var sets: Set<String>
        var words: Set<String>
    }

    /// What is kept.
    private func kept(_ fixture: RebuildFixture) async throws -> Counts {
        Counts(
            sets: try await texts(
                fixture,
                """
                SELECT concat_ws(' ', tenant_id, chunk_set, chunks, round(mean_length::numeric, 6)) FROM term_statistics
                """
            ),
            words: try await texts(
                fixture,
                "SELECT concat_ws(' ', tenant_id, chunk_set, term, chunks) FROM term_frequencies"
            )
        )
    }

    /// Made from the texts of the chunks alone, of every set that is full.
    private func fromScratch(_ fixture: RebuildFixture) async throws -> Counts {
        let read = """
            WITH read AS (
                SELECT documents.tenant_id, chunk_set, words.length, words.terms
                FROM documents JOIN chunks ON chunks.document_id = documents.id JOIN indexes ON indexes.id = documents.index_id
                CROSS JOIN LATERAL sluice_terms(
                    documents.tenant_id, sluice_word_space(indexes.id, chunk_set), language::regconfig,
                    concat_ws(E'\\n', VARIADIC heading_path || text)
                ) AS words
            ), sums AS (
                SELECT tenant_id, chunk_set, count(*) AS chunks, avg(length) AS mean FROM read GROUP BY tenant_id, chunk_set
            )
            """
        return Counts(
            sets: try await texts(
                fixture,
                "\(read) SELECT concat_ws(' ', tenant_id, chunk_set, chunks, round(mean::numeric, 6)) FROM sums"
            ),
            words: try await texts(
                fixture,
                """
                \(read)
                SELECT concat_ws(' ', tenant_id, chunk_set, term, count(*))
                FROM read JOIN sums USING (tenant_id, chunk_set) CROSS JOIN LATERAL unnest(terms) AS term
                WHERE chunks >= \(Self.least) GROUP BY tenant_id, chunk_set, term HAVING count(*) >= \(Self.least / 20)
                """
            )
        )
    }

    private func texts(_ fixture: RebuildFixture, _ sql: String) async throws -> Set<String> {
        Set(try await fixture.base.store.pool.query(Statement(sql) { row throws(PostgresError) in try row.text(0) }))
    }

    /// Counts until nothing is due. A piece of work after which there is nothing more to keep counts as idle, hence the rounds.
    private func settle(_ fixture: RebuildFixture, _ term: Int64, line: Int = #line) async throws {
        let counts = PostgresTermCounts(fixture.base.store, least: Self.least)
        var (counted, idle) = (0, 0)
        while idle < 6 {
            if try await counts.round(term: term) {
                (counted, idle) = (counted + 1, 0)
            } else {
                idle += 1
            }
            try #require(counted < 20, "line \(line): it counts the same again and again")
        }
    }

    /// As after a day, in which changes too small to be counted at once have come.
    private func passDay(_ fixture: RebuildFixture, _ term: Int64) async throws {
        try await fixture.base.store.pool.execute(
            Statement("UPDATE term_statistics SET counted_at = now() - interval '2 days'")
        )
        try await settle(fixture, term)
    }

    private func lead(_ fixture: RebuildFixture) async throws -> Int64 {
        try #require(try await fixture.base.tasks.lead(as: WorkerID.random(), for: .seconds(600)))
    }

    /// Hits by words with their scores, of one version.
    private func hits(_ fixture: RebuildFixture, _ text: String, _ version: Int) async throws -> [String] {
        try await fixture.searcher.search(SearchRequest(text: text, version: version, count: 30, mode: .bm25)).hits
            .map { "\($0.chunk) \((($0.parts.bm25 ?? 0) * 1_000_000).rounded())" }
    }

    @Test("right for both sets through ingest, update, delete, swap, rollback and the end of the old set")
    func life() async throws {
        try await RebuildFixture.run { fixture in
            let term = try await lead(fixture)
            let other = TenantID(trusted: "other")
            func check(_ sets: Int..., line: Int = #line) async throws {
                let (kept, whole) = (try await kept(fixture), try await fromScratch(fixture))
                #expect(kept == whole, "line \(line)")
                #expect(kept.sets.count == sets.count * 2, "line \(line): two tenants in sets \(sets): \(kept.sets)")
                for set in sets { #expect(kept.words.contains { $0.hasPrefix("default \(set) ") }, "line \(line)") }
            }
            for name in ["a", "b", "c"] {
                _ = try await fixture.ingest("\(name).txt", RebuildFixture.prose(0..<80, name))
            }
            try await fixture.ingest("other.txt", 0..<200, of: other)
            try await settle(fixture, term)
            try await check(1)
            let first = try await fixture.live()
            let version = try await fixture.rebuild(RebuildFixture.wider)
            #expect(version.state == .ready && version.chunkSet == 2)
            try await settle(fixture, term)
            try await check(1, 2)

            // More than a tenth at once, of one tenant: counted without waiting, in both sets.
            _ = try await fixture.ingest("d.txt", RebuildFixture.prose(200..<260, "d"))
            try await settle(fixture, term)
            try await check(1, 2)
            // As many as before, with other words.
            _ = try await fixture.ingest("b.txt", RebuildFixture.prose(300..<380, "b"))
            try await passDay(fixture, term)
            try await check(1, 2)
            _ = try await fixture.delete("\(fixture.base.folder)/c.txt")
            try await settle(fixture, term)
            try await check(1, 2)

            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            try await settle(fixture, term)
            try await check(1, 2)
            _ = try await fixture.ingest("e.txt", RebuildFixture.prose(20..<120, "e"))
            try await fixture.ingest("other.txt", 10..<200, of: other)
            try await passDay(fixture, term)
            try await check(1, 2)
            // Whether kept or counted when it is asked: the same hits with the same scores.
            for (number, question) in [(1, "heron tells of d 1470"), (2, "heron tells of d 1470"), (2, "line e")] {
                let counted = try await hits(fixture, question, number)
                try await fixture.base.store.pool.execute([
                    Statement("DELETE FROM term_statistics"), Statement("DELETE FROM term_frequencies"),
                ])
                #expect(try await hits(fixture, question, number) == counted && !counted.isEmpty)
                try await settle(fixture, term)
                try await check(1, 2)
            }
            _ = try await fixture.versions.rollback(.default)
            try await settle(fixture, term)
            try await check(1, 2)

            _ = try await fixture.versions.rollback(.default)
            #expect(try await fixture.versions.retire(first.id, isForced: true, fence: nil) == .dropped(uncached: 0))
            #expect(
                try await kept(fixture).sets.allSatisfy { !$0.hasPrefix("default 1 ") && !$0.hasPrefix("other 1 ") }
            )
            try await settle(fixture, term)
            try await check(2)
            _ = try await fixture.ingest("f.txt", RebuildFixture.prose(0..<90, "f"))
            try await settle(fixture, term)
            try await check(2)

            // One that never answered leaves nothing behind, nor comes back.
            let third = try await fixture.rebuild(IndexVersionChange(chunkSize: 60, overlap: 0))
            #expect(third.state == .ready && third.chunkSet == 3)
            try await settle(fixture, term)
            try await check(2, 3)
            let reason = "no more"
            _ = try await fixture.versions.advance(third.id, .aborted, IndexVersionFacts(), reason: reason, fence: nil)
            try await settle(fixture, term)
            _ = try await fixture.perform(.maintenance)
            try await settle(fixture, term)
            try await check(2)
        }
    }

    @Test("a set with more chunks than the one that answers is not counted without end when documents go")
    func shrinking() async throws {
        try await RebuildFixture.run { fixture in
            let term = try await lead(fixture)
            for name in ["a", "b", "c"] {
                _ = try await fixture.ingest("\(name).txt", RebuildFixture.prose(0..<30, name))
            }
            let finer = try await fixture.rebuild(IndexVersionChange(chunkSize: 30, overlap: 0))
            #expect(finer.state == .ready)
            let (own, others) = (try await fixture.chunks(ofSet: 1), try await fixture.chunks(ofSet: 2))
            #expect((Self.least..<2 * Self.least).contains(own) && others > own, "\(own), \(others)")
            try await settle(fixture, term)
            #expect(try await kept(fixture) == (try await fromScratch(fixture)))
            _ = try await fixture.delete("\(fixture.base.folder)/c.txt")
            #expect(try await fixture.chunks(ofSet: 1) < Self.least)
            #expect(try await fixture.chunks(ofSet: 2) >= Self.least)
            try await settle(fixture, term)
            let scratch = try await fromScratch(fixture)
            #expect(try await kept(fixture).sets == scratch.sets.filter { $0.hasPrefix("default 2 ") })
            #expect(try await kept(fixture).words == scratch.words)
            // Given up: what is left of it is no work for ever either.
            let reason = "no more"
            _ = try await fixture.versions.advance(finer.id, .aborted, IndexVersionFacts(), reason: reason, fence: nil)
            try await settle(fixture, term)
        }
    }
}
