import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

/// Nothing of a tenant or a document is left, wherever a rebuild with another chunker stands.
@Suite("Erasing while documents are cut anew", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RechunkErasureTests {
    private static let acme = TenantID(trusted: "acme-zq")
    private static let words = ["acme-zq", "quetzal"]

    private func put(_ fixture: RebuildFixture, _ name: String, _ text: String, _ tenant: TenantID) async throws
        -> String
    {
        let uri = try fixture.base.write(name, text)
        _ = try await fixture.base.request([uri], tenant: tenant)
        return uri
    }

    /// Documents of the tenant between those of others, all of them live. Returns the texts of the others.
    private func fill(_ fixture: RebuildFixture) async throws -> [String: String] {
        var texts: [String: String] = [:]
        for number in 0..<4 {
            let text = RebuildFixture.prose(0..<18, "heron\(number)")
            texts[try await fixture.ingest("heron\(number).txt", text)] = text
            _ = try await put(fixture, "quetzal\(number).txt", RebuildFixture.prose(0..<18, "quetzal"), Self.acme)
            try await fixture.settle()
        }
        return texts
    }

    private func expectForgotten(_ fixture: RebuildFixture, _ id: ErasureID) async throws {
        let receipt = try #require(try await fixture.base.receipt(id))
        #expect(receipt.completedAt != nil)
        #expect(try await fixture.base.tables(holding: Self.words) == [])
        #expect(try await fixture.base.rows(of: Self.acme).values.reduce(0, +) == 0)
        // What has no name in it: rows that hang on nothing any more.
        for sql in [
            "SELECT count(*) FROM chunks WHERE NOT EXISTS (SELECT FROM documents WHERE documents.id = document_id)",
            "SELECT count(*) FROM chunk_terms WHERE NOT EXISTS (SELECT FROM chunks WHERE chunks.id = chunk_id)",
            "SELECT count(*) FROM document_texts WHERE NOT EXISTS (SELECT FROM documents WHERE documents.id = document_id)",
            "SELECT count(*) FROM words WHERE NOT sluice_is_held(term)",
            "SELECT count(*) FROM word_grams WHERE NOT EXISTS (SELECT FROM words WHERE words.id = word_id)",
        ] { #expect(try await fixture.base.count(sql) == 0, "\(sql)") }
    }

    /// To the end, by the rebuild's own task.
    private func expectReady(
        _ fixture: RebuildFixture,
        _ version: IndexVersionRecord,
        _ fence: Fence,
        _ texts: [String: String]
    ) async throws {
        try await fixture.release(fence)
        try await fixture.settle()
        let ready = try await fixture.current(version)
        #expect(ready.state == .ready, "\(ready.problem ?? "")")
        let first = try await fixture.live()
        for each in [first, ready] {
            for (uri, text) in texts {
                #expect(try await fixture.pieces(uri, each) == fixture.expected(text, each), "\(each.number)")
            }
            #expect(try await fixture.isWhole(each))
        }
        #expect(try await fixture.isCovered(ready))
        #expect(
            try await fixture.chunks(ofSet: version.chunkSet)
                == texts.values.reduce(0) { $0 + fixture.expected($1, version).count }
        )
        #expect(try await fixture.base.count("SELECT count(*) FROM document_texts") == texts.count)
    }

    /// How far the rebuild is when the erasure is asked for: documents cut, chunks copied.
    @Test(
        "a tenant in both sets, some of it cut and some not, is forgotten; the rebuild goes on to its end",
        arguments: [(0, 0), (3, 0), (5, 4), (8, 9), (8, 500)]
    )
    func tenant(documents: Int, chunks: Int) async throws {
        try await RebuildFixture.run { fixture in
            let texts = try await fill(fixture)
            let (version, fence) = try await fixture.begin(RebuildFixture.wider)
            if documents > 0 { _ = try await fixture.versions.cut(version.id, limit: documents, fence: fence) }
            if chunks > 0 { _ = try await fixture.versions.backfill(version.id, limit: chunks, fence: fence) }
            let isInBoth = try await fixture.base.count(
                "SELECT count(*) FROM chunks WHERE chunk_set = 2 AND tenant_id = 'acme-zq'"
            )
            #expect((isInBoth > 0) == (documents > 0))
            // One staged for both sets, waiting for its vectors; one asked for and not read.
            _ = try await put(fixture, "quetzal0.txt", RebuildFixture.prose(50..<66, "quetzal"), Self.acme)
            #expect(try await fixture.perform(.ingestion) == "settled")
            _ = try await put(fixture, "quetzal9.txt", RebuildFixture.prose(0..<6, "quetzal"), Self.acme)
            #expect(try await fixture.base.tables(holding: Self.words).count > 5)
            let id = try await fixture.base.erase(Self.acme)
            try await fixture.drain()
            try await expectForgotten(fixture, id)
            // A pass that had seen its documents and chunks goes on beside the holes.
            try await fixture.fill(version, fence)
            try await expectReady(fixture, version, fence, texts)
            try await expectForgotten(fixture, id)
        }
    }

    @Test("with another model as well: tasks that embed its chunks are open, and end without them")
    func embedding() async throws {
        let candidate = CountingEmbedder(salt: 7)
        try await RebuildFixture.run(candidate: candidate) { fixture in
            let texts = try await fill(fixture)
            var change = RebuildFixture.wider
            change.model = fixture.pipeline.candidateModel
            let (version, fence) = try await fixture.begin(change)
            while try await !fixture.versions.cut(version.id, limit: 100, fence: fence).isAtEnd {}
            _ = try await fixture.versions.backfill(version.id, limit: 1_000, fence: fence)
            #expect(try await fixture.versions.outstanding(version.id).pending > 0)
            // Some of them are done, so that both models' vectors of the tenant are cached.
            _ = try await fixture.perform(.embedding)
            _ = try await put(fixture, "quetzal1.txt", RebuildFixture.prose(70..<80, "quetzal"), Self.acme)
            #expect(try await fixture.perform(.ingestion) == "settled")
            // It waits behind the erasure: what this is about is a task that finds them gone.
            try await fixture.base.store.pool.execute(
                Statement(
                    """
                    UPDATE tasks SET run_at = now() + interval '1 hour', state = 'scheduled'
                    WHERE kind = 'index.embed' AND state <> 'running'
                    """
                )
            )
            let id = try await fixture.base.erase(Self.acme)
            try await fixture.drain()
            try await expectForgotten(fixture, id)
            try await fixture.wake()
            _ = candidate.takeEmbedded()
            try await fixture.fill(version, fence)
            #expect(candidate.takeEmbedded().allSatisfy { !$0.contains("quetzal") })
            try await expectReady(fixture, version, fence, texts)
            try await expectForgotten(fixture, id)
        }
    }

    @Test("one document is forgotten in both sets; its neighbours keep theirs, also the words that they share")
    func document() async throws {
        try await RebuildFixture.run { fixture in
            var texts: [String: String] = [:]
            for number in 0..<3 {
                let text = RebuildFixture.prose(0..<14, "heron")
                texts[try await fixture.ingest("heron\(number).txt", text)] = text
            }
            let gone = try await fixture.ingest("quetzal.txt", RebuildFixture.prose(0..<14, "quetzal"))
            let (version, fence) = try await fixture.begin(RebuildFixture.wider)
            while try await !fixture.versions.cut(version.id, limit: 3, fence: fence).isAtEnd {}
            _ = try await fixture.versions.backfill(version.id, limit: 20, fence: fence)
            let id = try await fixture.base.erase(gone, .default)
            try await fixture.drain()
            #expect(try await fixture.base.receipt(id)?.completedAt != nil)
            #expect(try await fixture.base.tables(holding: ["quetzal"]) == [])
            #expect(try await fixture.base.count("SELECT count(*) FROM words WHERE word = 'heron'") == 2)
            #expect(try await fixture.base.count("SELECT count(*) FROM words WHERE NOT sluice_is_held(term)") == 0)
            try await fixture.fill(version, fence)
            try await expectReady(fixture, version, fence, texts)
            #expect(try await fixture.base.tables(holding: ["quetzal"]) == [])
        }
    }
}
