import Glibc
import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePipeline
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Ingesting documents", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct PipelineIngestTests {
    private static func prose(_ lines: Range<Int>) -> String {
        lines.map { "Line \($0) tells of matter \($0 * 7).\n" }.joined()
    }

    @Test("a file goes live as the chunker cuts it; again, nothing is done; changed, only what is new is embedded")
    func changes() async throws {
        try await PipelineFixture.run { fixture in
            let text = Self.prose(0..<40)
            let uri = try fixture.write("a.txt", text)
            let first = try await fixture.ingest(uri)
            #expect(first.results == ["ok": 1] && first.isOver)
            let live = try await fixture.liveChunks(uri)
            #expect(live == fixture.chunks(of: text))
            let embedded = fixture.embedder.takeEmbedded()
            #expect(embedded.count == live.count && first.embedded == live.count)

            let second = try await fixture.ingest(uri)
            #expect(second.results == ["unchanged": 1])
            #expect(fixture.reader.calls == 1 && fixture.embedder.takeEmbedded().isEmpty)

            let changed = text.replacing("matter 140.", with: "matter 999.")
            try fixture.write("a.txt", changed)
            let third = try await fixture.ingest(uri)
            #expect(third.results == ["ok": 1])
            #expect(try await fixture.liveChunks(uri) == fixture.chunks(of: changed))
            let new = Set(fixture.chunks(of: changed).map(\.text)).subtracting(live.map(\.text))
            #expect(Set(fixture.embedder.takeEmbedded()) == new)
            #expect(new.count == 1)
        }
    }

    @Test("a new reader reads again; equal chunks keep their vectors")
    func newReader() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", Self.prose(0..<10))
            _ = try await fixture.ingest(uri)
            _ = fixture.embedder.takeEmbedded()
            fixture.reader.upgrade()
            #expect(try await fixture.ingest(uri).results == ["ok": 1])
            #expect(fixture.reader.calls == 2 && fixture.embedder.takeEmbedded().isEmpty)
        }
    }

    @Test(
        "an outcome without text is recorded and ends the task; the old version goes on answering",
        arguments: ["empty", "needs_ocr", "encrypted", "corrupt", "too_large", "unsupported"]
    )
    func outcomes(name: String) async throws {
        try await PipelineFixture.run { fixture in
            let new = try fixture.write("new.txt", "!\(name)\n")
            let old = try fixture.write("old.txt", "What it said before.")
            _ = try await fixture.ingest(old)
            try fixture.write("old.txt", "!\(name)\n")
            let state = try await fixture.ingest(new, old)
            #expect(state.results == [name: 2] && state.isOver && state.dead == 0)
            #expect(try await fixture.document(new)?.state == "failed")
            let document = try #require(try await fixture.document(old))
            #expect(document.state == "live" && document.outcome == name && document.detail == "it was \(name)")
            #expect(try await fixture.liveChunks(old).map(\.text) == ["What it said before."])
        }
    }

    @Test(
        "a reader that crashes or hangs is tried three times, then the task is dead",
        arguments: ["timeout", "crashed(11)"]
    )
    func crashes(name: String) async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", "!\(name)\n")
            let state = try await fixture.ingest(uri)
            #expect(fixture.reader.calls == 3)
            #expect(state.results == [name: 1] && state.dead == 1 && state.isOver)
            let letter = try #require(try await fixture.deadLetters().first)
            #expect(letter.errorClass == (name == "timeout" ? "extraction.timeout" : "extraction.crashed"))
            #expect(letter.attempts == 3)
            #expect(try await fixture.document(uri)?.outcome == name)
            // Mended, it goes through, and the dead letter is gone.
            try fixture.write("a.txt", "Now it can be read.")
            #expect(try await fixture.ingest(uri).results == ["ok": 1])
            #expect(try await fixture.deadLetters().isEmpty)
        }
    }

    @Test(
        "a source that cannot be read says why",
        arguments: [
            ("missing", "source.missing", 3), ("folder", "source.not_a_file", 1), ("pipe", "source.not_a_file", 1),
            ("device", "source.not_a_file", 1), ("web", "source.unsupported", 1),
        ]
    )
    func sources(name: String, errorClass: String, attempts: Int) async throws {
        try await PipelineFixture.run { fixture in
            var uri = "file://\(fixture.folder)/\(name)"
            switch name {
            case "folder": mkdir("\(fixture.folder)/folder", 0o700)
            case "pipe": mkfifo("\(fixture.folder)/pipe", 0o600)
            case "device": uri = "/dev/zero"
            case "web": uri = "https://example.org/a.pdf"
            default: break
            }
            let state = try await fixture.ingest(uri)
            #expect(state.dead == 1 && state.isOver)
            let letter = try #require(try await fixture.deadLetters().first)
            #expect(letter.errorClass == errorClass && letter.attempts == attempts)
            let document = try #require(try await fixture.document(uri))
            #expect(document.state == "failed" && document.outcome == nil && document.detail == letter.errorMessage)
            #expect(fixture.reader.calls == 0)
        }
    }

    @Test("a file above the limit is not read")
    func tooLarge() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", String(repeating: "x", count: 100_001))
            #expect(try await fixture.ingest(uri).results == ["too_large": 1])
            #expect(fixture.reader.calls == 0)
        }
    }

    @Test("white space only is empty")
    func blank() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", " \n\n\t ")
            #expect(try await fixture.ingest(uri).results == ["empty": 1])
        }
    }

    @Test("a file that changes while it is read, and is asked for again, is read again")
    func changedMeanwhile() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", "The first text.")
            fixture.reader.whileReading {
                try fixture.write("a.txt", "The second text.")
                _ = try await fixture.request(uri)
            }
            #expect(try await fixture.ingest(uri).results == ["ok": 1])
            #expect(try await fixture.liveChunks(uri).map(\.text) == ["The second text."])
            #expect(try await fixture.count("SELECT count(*) FROM batch_documents WHERE result IS NULL") == 0)
        }
    }

    @Test("a worker set to another model does not touch the document")
    func otherModel() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", "A text.")
            _ = try await fixture.request(uri)
            var other = fixture.pipeline
            other.model = ModelIdentity(fingerprint: "another", dimension: 16)
            #expect(try await fixture.performNext(.ingestion, pipeline: other) == "dead")
            #expect(try await fixture.deadLetters().first?.errorClass == "index.model_mismatch")
            #expect(fixture.reader.calls == 0)
        }
    }

    @Test(
        "after any edits the live chunks are the chunker's, each with one vector",
        arguments: 1...8 as ClosedRange<UInt64>
    )
    func randomEdits(seed: UInt64) async throws {
        try await PipelineFixture.run(maxTokens: 14, window: 5) { fixture in
            var random = SeededGenerator(seed: seed)
            var lines = (0..<30).map { "Line \($0) speaks of number \($0 % 7)." }
            var seen: Set<String> = []
            for _ in 0..<6 {
                for _ in 0..<Int.random(in: 1...5, using: &random) {
                    let place = Int.random(in: lines.indices, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0 where lines.count > 5: lines.remove(at: place)
                    case 1: lines.insert("New words \(Int.random(in: 0..<50, using: &random)) here.", at: place)
                    default: lines.swapAt(place, Int.random(in: lines.indices, using: &random))
                    }
                }
                let text = lines.joined(separator: "\n")
                let uri = try fixture.write("a.txt", text)
                #expect(try await fixture.ingest(uri).isOver)
                let (expected, _) = try await fixture.pipeline.chunker.fitting(fixture.chunks(of: text), limit: 14) {
                    texts throws(InferenceError) in try await fixture.embedder.tokenCounts(texts)
                }
                #expect(try await fixture.liveChunks(uri) == expected)
                let embedded = fixture.embedder.takeEmbedded()
                #expect(seen.isDisjoint(with: embedded), "no text is embedded twice, ever")
                seen.formUnion(embedded)
            }
        }
    }
}
