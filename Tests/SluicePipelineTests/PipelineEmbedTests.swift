import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePipeline
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Embedding chunks", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct PipelineEmbedTests {
    private static let text = (0..<40).map { "Paragraph \($0) has words enough to be a chunk by itself.\n\n" }.joined()

    @Test("chunks beyond the model's limit are split until all pieces fit; no text is lost")
    func resplit() async throws {
        try await PipelineFixture.run(maxTokens: 12, chunkSize: 200) { fixture in
            let long = (0..<60).map { "word\($0)" }.joined(separator: " ")
            let text = "Short one.\n\n" + long + "\n\nShort two."
            let uri = try fixture.write("a.txt", text)
            #expect(try await fixture.ingest(uri).results == ["ok": 1])
            let live = try await fixture.liveChunks(uri)
            let counts = try await fixture.embedder.tokenCounts(live.map(\.text))
            #expect(counts.allSatisfy { $0 <= 12 } && live.count > fixture.chunks(of: text).count)
            #expect(live.map(\.ordinal) == Array(0..<live.count))
            let scalars = Array(text.unicodeScalars)
            for chunk in live {
                var slice = String.UnicodeScalarView()
                slice.append(contentsOf: scalars[chunk.charFrom..<chunk.charTo])
                #expect(chunk.text == String(slice))
            }
            let words = { (text: String) in text.split(whereSeparator: \.isWhitespace).map(String.init) }
            #expect(live.flatMap { words($0.text) } == words(text))
            // One short chunk changes: the pieces of the long ones are known.
            _ = fixture.embedder.takeEmbedded()
            try fixture.write("a.txt", text.replacing("Short two.", with: "Short three."))
            _ = try await fixture.ingest(uri)
            #expect(fixture.embedder.takeEmbedded().allSatisfy { $0.contains("three") })
        }
    }

    @Test("a chunk that gets no vector costs its window only, is named, and the others' vectors are kept")
    func oneBadChunk() async throws {
        try await PipelineFixture.run(window: 10) { fixture in
            let uri = try fixture.write("a.txt", Self.text)
            fixture.embedder.fail(unusable: "Paragraph 17 ")
            let state = try await fixture.ingest(uri)
            #expect(state.dead == 1 && state.isOver)
            let letter = try #require(try await fixture.deadLetters().first)
            #expect(letter.errorClass == "inference.non_finite" && letter.attempts == 1)
            #expect(letter.errorMessage.contains("chunks 17 of"))
            #expect(try await fixture.liveChunks(uri).isEmpty, "not whole, so not live")
            #expect(try await fixture.count("SELECT count(*) FROM embedding_cache") == 39)
            #expect(try await fixture.count("SELECT sum(embeds_pending) FROM document_versions") == 1)
            #expect(fixture.embedder.takeEmbedded().count == 39)
            // Mended, the dead letter's retry computes the one that is missing.
            fixture.embedder.fail()
            _ = try await fixture.store.retryDead(DeadLetterFilter(), limit: 10)
            try await fixture.performAll()
            #expect(fixture.embedder.takeEmbedded().count == 1)
            #expect(try await fixture.liveChunks(uri) == fixture.chunks(of: Self.text))
        }
    }

    @Test("what is asked for again while it is embedded goes on where it is; both who asked are told")
    func joined() async throws {
        try await PipelineFixture.run(window: 10) { fixture in
            let uri = try fixture.write("a.txt", Self.text)
            let first = try await fixture.request(uri)
            #expect(try await fixture.performNext(.ingestion) == "settled")
            #expect(try await fixture.performNext(.embedding) == "settled")
            let second = try await fixture.request(uri)
            #expect(try await fixture.performNext(.ingestion) == "settled")
            #expect(fixture.reader.calls == 1)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE queue = 'embedding'") == 3)
            #expect(try await !fixture.documents.ingestState(second, tenant: .default).isOver)
            try await fixture.performAll()
            for batch in [first, second] {
                #expect(try await fixture.documents.ingestState(batch, tenant: .default).results == ["ok": 1])
            }
            #expect(try await fixture.count("SELECT count(*) FROM document_versions") == 1)
        }
    }

    @Test("a dead window is known to all who wait; asking again begins anew with what it lacks")
    func joinedDead() async throws {
        try await PipelineFixture.run(window: 10) { fixture in
            let uri = try fixture.write("a.txt", Self.text)
            fixture.embedder.fail(unusable: "Paragraph 17 ")
            _ = try await fixture.request(uri)
            #expect(try await fixture.performNext(.ingestion) == "settled")
            let second = try await fixture.request(uri)
            try await fixture.performAll()
            let waiting = try await fixture.documents.ingestState(second, tenant: .default)
            #expect(waiting.isOver && waiting.results == ["dead": 1])
            fixture.embedder.fail()
            _ = fixture.embedder.takeEmbedded()
            #expect(try await fixture.ingest(uri).results == ["ok": 1])
            #expect(fixture.reader.calls == 2 && fixture.embedder.takeEmbedded().count == 1)
            #expect(try await fixture.deadLetters().isEmpty)
            #expect(try await fixture.documents.ingestState(second, tenant: .default).results == ["ok": 1])
        }
    }

    @Test("a newer version takes the place of one that a dead window blocks, and of its dead letter")
    func unblocked() async throws {
        try await PipelineFixture.run(window: 10) { fixture in
            let uri = try fixture.write("a.txt", Self.text)
            fixture.embedder.fail(unusable: "Paragraph 17 ")
            let blocked = try await fixture.request(uri)
            try await fixture.performAll()
            #expect(try await fixture.store.batch(blocked, tenant: .default)?.dead == 1)
            let mended = Self.text.replacing("Paragraph 17 ", with: "Passage 17 ")
            try fixture.write("a.txt", mended)
            #expect(try await fixture.ingest(uri).results == ["ok": 1])
            #expect(try await fixture.liveChunks(uri) == fixture.chunks(of: mended))
            #expect(try await fixture.deadLetters().isEmpty)
            let batch = try #require(try await fixture.store.batch(blocked, tenant: .default))
            #expect(batch.dead == 0 && batch.pending == 0 && batch.cancelled == 1 && batch.finishedAt != nil)
            #expect(try await fixture.documents.ingestState(blocked, tenant: .default).isOver)
        }
    }

    @Test("a text that makes runs fail is found by halving, and tried again, since a run can fail by chance")
    func breakingChunk() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", Self.text)
            _ = try await fixture.request(uri)
            fixture.embedder.fail(breaking: "Paragraph 23 ")
            #expect(try await fixture.performNext(.ingestion) == "settled")
            #expect(try await fixture.performNext(.embedding) == "retry")
            #expect(try await fixture.count("SELECT count(*) FROM embedding_cache") == 39)
            fixture.embedder.fail()
            _ = fixture.embedder.takeEmbedded()
            try await fixture.performAll()
            #expect(fixture.embedder.takeEmbedded().count == 1)
            #expect(try await fixture.liveChunks(uri) == fixture.chunks(of: Self.text))
        }
    }

    @Test("an embedder that fails on everything is given up soon; the task waits for its retry")
    func brokenModel() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", Self.text)
            _ = try await fixture.request(uri)
            fixture.embedder.fail(breaking: "Paragraph")
            try await fixture.performNext(.ingestion)
            #expect(try await fixture.performNext(.embedding) == "retry")
            #expect(
                try await fixture.count("SELECT count(*) FROM attempts WHERE error_class = 'inference.runtime'") == 1
            )
        }
    }

    @Test("equal texts are embedded once, also in one window")
    func twins() async throws {
        try await PipelineFixture.run { fixture in
            let paragraph = "The same words again, as long as a chunk may become."
            let text = [String](repeating: paragraph, count: 6).joined(separator: "\n\n")
            let uri = try fixture.write("a.txt", text)
            #expect(try await fixture.ingest(uri).results == ["ok": 1])
            #expect(fixture.embedder.takeEmbedded() == [paragraph])
            #expect(try await fixture.liveChunks(uri).count == 6)
        }
    }
}

@Suite("Sources")
struct SourceFileTests {
    @Test(
        "file URIs are decoded; anything else is refused",
        arguments: [
            ("file:///a/b%20c.pdf", "/a/b c.pdf"), ("file:///%C3%A9", "/é"), ("/plain/100%", "/plain/100%"),
            ("file://host/a", nil), ("https://a/b", nil), ("relative", nil), ("file:///a%00b", nil),
            ("file:///a%2", nil),
            ("file:///a%+1", nil), ("", nil),
        ] as [(String, String?)]
    )
    func paths(uri: String, path: String?) {
        #expect(SourceFile.path(ofURI: uri) == path)
    }
}
