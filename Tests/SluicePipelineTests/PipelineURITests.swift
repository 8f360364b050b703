import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Documents that SQL names by their URI", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct PipelineURITests {
    private func enqueue(_ payload: String, _ fixture: PipelineFixture, batch: BatchID? = nil) async throws {
        let ids = try await fixture.store.pool.query(
            Statement(
                "SELECT enqueue('document.ingest', $1::text::jsonb, tenant => 'default', batch => $2)",
                [.text(payload), .optionalInt8(batch?.rawValue)]
            ) { row throws(PostgresError) in try row.int64(0) }
        )
        #expect(ids.count == 1)
    }

    @Test("are registered, ingested and counted in the batch", arguments: [true, false])
    func ingests(isCounted: Bool) async throws {
        try await PipelineFixture.run { fixture in
            let text = (0..<20).map { "Line \($0) tells of matter \($0 * 7).\n" }.joined()
            let uri = try fixture.write("a.txt", text)
            let batch = isCounted ? try await fixture.store.createBatch(tenant: .default, label: "") : nil
            try await enqueue("{\"uri\": \"\(uri)\"}", fixture, batch: batch)
            try await fixture.performAll()
            #expect(try await fixture.liveChunks(uri) == fixture.chunks(of: text))
            #expect(try await fixture.deadLetters().isEmpty)
            if let batch {
                let state = try await fixture.documents.ingestState(batch, tenant: .default)
                #expect(state.results == ["ok": 1] && state.isOver)
                let progress = try #require(try await fixture.store.batch(batch, tenant: .default))
                #expect(progress.pending == 0 && progress.dead == 0 && progress.finishedAt != nil)
            }
            #expect(try await fixture.count("SELECT count(*) FROM batches WHERE pending > 0") == 0)
        }
    }

    @Test(
        "without a URI, or for no index, they are dead at once",
        arguments: [
            "{}", #"{"uri": "file:///a", "index": "A B"}"#, #"{"uri": "file:///a", "tags": [""]}"#,
            #"{"uri": "file:///a", "metadata": {"": 1}}"#,
        ]
    )
    func invalid(payload: String) async throws {
        try await PipelineFixture.run { fixture in
            try await enqueue(payload, fixture)
            try await fixture.performAll()
            #expect(try await fixture.deadLetters().map(\.errorClass) == ["payload.invalid"])
        }
    }

    private func said(_ fixture: PipelineFixture) async throws -> [String] {
        try await fixture.store.pool.query(
            Statement(
                "SELECT metadata::text || ' ' || tags::text || ' ' || coalesce(principals::text, 'everyone') FROM documents"
            ) { row throws(PostgresError) in try row.text(0) }
        )
    }

    @Test("what is said of them is kept, changes at once, and nothing is read or embedded anew for it")
    func attributes() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", "A line tells of a matter.\n")
            let about = #""metadata": {"year": 2026, "by": ["Ann", "Bob"]}, "tags": ["draft"], "principals": ["ann"]"#
            try await enqueue("{\"uri\": \"\(uri)\", \(about)}", fixture)
            try await fixture.performAll()
            let first = #"{"by": ["Ann", "Bob"], "year": 2026} {draft} {ann}"#
            #expect(try await said(fixture) == [first])
            let calls = fixture.reader.calls
            _ = fixture.embedder.takeEmbedded()
            try await enqueue("{\"uri\": \"\(uri)\"}", fixture)
            try await fixture.performAll()
            #expect(try await said(fixture) == [first], "what is not said stays")
            try await enqueue(#"{"uri": "\#(uri)", "metadata": {}, "principals": ["*"]}"#, fixture)
            try await fixture.performAll()
            #expect(try await said(fixture) == ["{} {draft} everyone"])
            #expect(fixture.reader.calls == calls && fixture.embedder.takeEmbedded().isEmpty)
            #expect(try await fixture.count("SELECT count(*) FROM document_versions") == 1)
            #expect(try await fixture.deadLetters().isEmpty)
        }
    }
}
