import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("Versions of documents", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct DocumentsVersionTests {
    private let uri = "file:///a"

    @Test("a new document answers from the moment its last window is embedded, not before")
    func firstVersion() async throws {
        try await DocumentsFixture.run { fixture in
            let texts = (0..<25).map { "sentence number \($0)" }
            let report = try await fixture.stage(uri, texts, window: 10)
            #expect(report.toEmbed == 25 && report.kept == 0 && report.cached == 0 && !report.isLive)
            #expect(try await fixture.document(uri)?.state == "processing")
            for expected in [10, 10, 5] {
                #expect(try await fixture.liveChunks(uri).isEmpty)
                let task = try #require(try await fixture.claim(.embedding))
                let result = try await fixture.embedding(of: task)
                #expect(result.vectors.count == expected)
                let done = try await fixture.documents.finishEmbedding(result, fence: task.fence)
                #expect(done.isLive == (expected == 5))
            }
            #expect(try await fixture.claim(.embedding) == nil)
            #expect(try await fixture.answers(uri, texts))
            #expect(try await fixture.count("SELECT count(*) FROM staged_chunks") == 0)
            let document = try #require(try await fixture.document(uri))
            #expect(document.state == "live" && document.outcome == "ok" && document.chunks == 25)
        }
    }

    @Test("a change embeds what is new; what stays keeps its row and its vector; the old version answers meanwhile")
    func change() async throws {
        try await DocumentsFixture.run { fixture in
            let old = ["alpha", "beta", "gamma", "delta"]
            try await fixture.ingest(uri, old)
            let before = try await fixture.liveChunks(uri)
            let new = ["gamma", "new text", "alpha", "beta"]
            let report = try await fixture.stage(uri, new)
            #expect(report.kept == 3 && report.toEmbed == 1 && report.cached == 0)
            #expect(try await fixture.answers(uri, old), "the old version answers until the new one is whole")
            #expect(try await fixture.embedAll() == 1)
            #expect(try await fixture.answers(uri, new))
            let after = try await fixture.liveChunks(uri)
            for text in ["alpha", "beta", "gamma"] {
                #expect(after.first { $0.text == text }?.id == before.first { $0.text == text }?.id)
            }
            #expect(try await fixture.count("SELECT count(*) FROM embeddings_g\(fixture.index.liveVersion)") == 4)
            #expect(try await fixture.count("SELECT count(*) FROM document_versions WHERE state = 'superseded'") == 1)
        }
    }

    @Test("equal texts count one by one")
    func multiset() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest(uri, ["a", "b", "a", "c"])
            let before = try await fixture.liveChunks(uri)
            let twins = Set(before.filter { $0.text == "a" }.map(\.id))
            let more = try await fixture.stage(uri, ["a", "a", "a", "b"])
            #expect(more.isLive && more.toEmbed == 0 && more.kept == 3, "a third twin needs no model")
            #expect(try await fixture.answers(uri, ["a", "a", "a", "b"]))
            let after = Set(try await fixture.liveChunks(uri).map(\.id))
            #expect(twins.isSubset(of: after))
            let fewer = try await fixture.stage(uri, ["b", "a"])
            #expect(fewer.isLive && fewer.kept == 2)
            #expect(try await fixture.answers(uri, ["b", "a"]))
        }
    }

    @Test("live vectors serve where the cache was emptied; known texts of another document need no model")
    func cache() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest(uri, ["one", "two"])
            let other = try await fixture.stage("file:///b", ["two", "one", "two"])
            #expect(other.isLive && other.cached == 3)
            #expect(try await fixture.answers("file:///b", ["two", "one", "two"]))
            _ = try await fixture.store.pool.execute(Statement("DELETE FROM embedding_cache"))
            let third = try await fixture.stage(uri, ["two", "one", "one"])
            #expect(third.isLive && third.toEmbed == 0)
            #expect(try await fixture.answers(uri, ["two", "one", "one"]))
        }
    }

    @Test("a newer version supersedes one under way: it never goes live, and its vectors are not lost")
    func superseded() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest(uri, ["zero"])
            try await fixture.stage(uri, ["one", "two", "three"], window: 1)
            let first = try #require(try await fixture.claim(.embedding))
            let second = try #require(try await fixture.claim(.embedding))
            let slow = try await fixture.embedding(of: second)
            _ = try await fixture.documents.finishEmbedding(try await fixture.embedding(of: first), fence: first.fence)
            try await fixture.stage(uri, ["three", "two", "four"], window: 1)
            #expect(try await fixture.answers(uri, ["zero"]))
            let late = try await fixture.documents.finishEmbedding(slow, fence: second.fence)
            #expect(late == EmbedReport(isLive: false, wasSuperseded: true))
            #expect(try await fixture.embedAll() == 2, "'two' was embedded for the version that was given up")
            #expect(try await fixture.answers(uri, ["three", "two", "four"]))
            #expect(try await fixture.count("SELECT count(*) FROM document_versions WHERE state = 'abandoned'") == 1)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE queue <> 'maintenance'") == 0)
        }
    }

    @Test("the live bytes again: a version under way from between is given up")
    func reverted() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest(uri, ["old"])
            try await fixture.stage(uri, ["newer"])
            _ = try await fixture.request([uri])
            let task = try #require(try await fixture.claim(.ingestion))
            let document = try #require(try await fixture.document(of: task))
            try await fixture.documents.finishUnchanged(document, fence: task.fence)
            try await fixture.embedAll()
            #expect(try await fixture.answers(uri, ["old"]))
            #expect(try await fixture.document(uri)?.state == "live")
        }
    }

    @Test("'unchanged' is refused when another version went live after the comparison")
    func moved() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest(uri, ["old"])
            try await fixture.stage(uri, ["newer"])
            _ = try await fixture.request([uri])
            let task = try #require(try await fixture.claim(.ingestion))
            let document = try #require(try await fixture.document(of: task))
            try await fixture.embedAll()
            await #expect(throws: TaskFailure.self) {
                try await fixture.documents.finishUnchanged(document, fence: task.fence)
            }
            #expect(try await fixture.answers(uri, ["newer"]))
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE state = 'running'") == 1)
        }
    }

    @Test("no text: the outcome is kept, the old version answers, one under way is given up")
    func withoutText() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest(uri, ["old"])
            try await fixture.stage(uri, ["newer"])
            for (name, state) in [(uri, "live"), ("file:///new", "failed")] {
                _ = try await fixture.request([name])
                let task = try #require(try await fixture.claim(.ingestion))
                let document = try #require(try await fixture.document(of: task))
                try await fixture.documents.finishWithoutText(
                    document,
                    outcome: .encrypted,
                    detail: "a password is needed",
                    fence: task.fence
                )
                let record = try #require(try await fixture.document(name))
                #expect(
                    record.state == state && record.outcome == "encrypted" && record.detail == "a password is needed"
                )
            }
            try await fixture.embedAll()
            #expect(try await fixture.answers(uri, ["old"]))
        }
    }

    @Test("ten thousand chunks in one document, then one of them changed")
    func large() async throws {
        try await DocumentsFixture.run(dimension: 8) { fixture in
            var texts = (0..<10_000).map { "paragraph \($0) of a long report" }
            let first = try await fixture.stage(uri, texts, window: 2_500)
            #expect(first.toEmbed == 10_000)
            #expect(try await fixture.embedAll() == 10_000)
            #expect(try await fixture.answers(uri, texts))
            texts[5_000] = "a paragraph rewritten"
            texts.swapAt(1, 9_998)
            let second = try await fixture.stage(uri, texts)
            #expect(second.kept == 9_999 && second.toEmbed == 1)
            try await fixture.embedAll()
            #expect(try await fixture.answers(uri, texts))
        }
    }

    @Test("a text with U+0000 is refused whole: nothing of it is stored")
    func nullCharacter() async throws {
        try await DocumentsFixture.run { fixture in
            await #expect(throws: PostgresError.self) { try await fixture.stage(uri, ["good", "b\0d"]) }
            let versions = try await fixture.count("SELECT count(*) FROM document_versions")
            #expect(versions == 0)
            #expect(try await fixture.count("SELECT count(*) FROM staged_chunks") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE state = 'running'") == 1)
        }
    }

    @Test(
        "after any sequence of edits the last content answers, with one vector a chunk",
        arguments: 1...12 as ClosedRange<UInt64>
    )
    func randomEdits(seed: UInt64) async throws {
        try await DocumentsFixture.run(dimension: 8) { fixture in
            var random = SeededGenerator(seed: seed)
            var texts: [String] = []
            // Few words, so that equal texts are frequent.
            let word = { (random: inout SeededGenerator) in "text \(Int.random(in: 0..<12, using: &random))" }
            for _ in 0..<12 {
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0 where texts.count > 1: texts.remove(at: Int.random(in: texts.indices, using: &random))
                    case 1 where !texts.isEmpty: texts[Int.random(in: texts.indices, using: &random)] = word(&random)
                    case 2: texts.shuffle(using: &random)
                    default: texts.insert(word(&random), at: Int.random(in: 0...texts.count, using: &random))
                    }
                }
                if texts.isEmpty { texts = [word(&random)] }
                try await fixture.stage(uri, texts, window: Int.random(in: 1...4, using: &random))
                // Some versions are overtaken while they are embedded.
                if Bool.random(using: &random) {
                    try await fixture.embedAll()
                    #expect(try await fixture.answers(uri, texts))
                } else if let task = try await fixture.claim(.embedding) {
                    let result = try await fixture.embedding(of: task)
                    _ = try await fixture.documents.finishEmbedding(result, fence: task.fence)
                }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    _ = try await fixture.store.pool.execute(
                        Statement(
                            "DELETE FROM embedding_cache WHERE NOT EXISTS (SELECT FROM tasks WHERE queue <> 'maintenance')"
                        )
                    )
                }
            }
            try await fixture.embedAll()
            #expect(try await fixture.answers(uri, texts))
            #expect(try await fixture.count("SELECT count(*) FROM staged_chunks") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM document_versions WHERE state = 'live'") == 1)
            #expect(
                try await fixture.count("SELECT count(*) FROM embeddings_g\(fixture.index.liveVersion)") == texts.count
            )
        }
    }
}
