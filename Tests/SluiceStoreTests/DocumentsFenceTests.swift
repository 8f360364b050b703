import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Documents behind the fence", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct DocumentsFenceTests {
    private let uri = "file:///a"

    @Test("a worker that lost its lease stages nothing, and the next attempt does")
    func staging() async throws {
        try await DocumentsFixture.run { fixture in
            _ = try await fixture.request([uri])
            let task = try #require(try await fixture.claim(.ingestion))
            let document = try #require(try await fixture.document(of: task))
            try await fixture.loseLease(of: task)
            let version = fixture.version(["a", "b"], of: document)
            await #expect(throws: StaleLease.self) {
                try await fixture.documents.stage(version, window: 1, fence: task.fence)
            }
            await #expect(throws: StaleLease.self) {
                try await fixture.documents.finishUnchanged(document, fence: task.fence)
            }
            await #expect(throws: StaleLease.self) {
                try await fixture.documents.finishWithoutText(
                    document,
                    outcome: .corrupt,
                    detail: "",
                    fence: task.fence
                )
            }
            await #expect(throws: StaleLease.self) {
                try await fixture.documents.noteOutcome(
                    document.id,
                    tenant: .default,
                    outcome: .crashed(signal: 9),
                    detail: "stale",
                    fence: task.fence
                )
            }
            await #expect(throws: StaleLease.self) {
                try await fixture.documents.noteUnreadable(
                    document.id,
                    tenant: .default,
                    detail: "stale",
                    fence: task.fence
                )
            }
            #expect(try await fixture.count("SELECT count(*) FROM document_versions") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM staged_chunks") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE queue <> 'maintenance'") == 1)
            #expect(try await fixture.document(uri)?.state == "queued")
            let next = try await DocumentsFixture.register(fixture.tasks)
            let again = try #require(
                try await PostgresControlStore(fixture.store).claimSuspect(queues: [.ingestion], worker: next)
            )
            _ = try await fixture.documents.stage(version, window: 1, fence: again.fence)
            #expect(
                try await fixture.count("SELECT count(*) FROM tasks WHERE queue <> 'maintenance'") == 2,
                "one a chunk"
            )
        }
    }

    @Test("a version whose windows were cancelled is not waited for: the next ingest stages it anew")
    func cancelledWindows() async throws {
        try await DocumentsFixture.run { fixture in
            _ = try await fixture.request([uri])
            let task = try #require(try await fixture.claim(.ingestion))
            let document = try #require(try await fixture.document(of: task))
            _ = try await fixture.documents.stage(
                fixture.version(["a", "b"], of: document, batch: task.batch),
                window: 1,
                fence: task.fence
            )
            #expect(try await fixture.document(of: task)?.pending != nil)
            let report = try await fixture.store.cancel(
                TaskFilter(kind: TaskKind(trusted: "chunks.embed")),
                reason: "not wanted"
            )
            #expect(report.cancelled.count == 2)
            #expect(try await fixture.document(of: task)?.pending == nil)
        }
    }

    @Test("a worker that lost its lease stores no vector and makes nothing live")
    func embedding() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.stage(uri, ["a", "b"])
            let task = try #require(try await fixture.claim(.embedding))
            let result = try await fixture.embedding(of: task)
            try await fixture.loseLease(of: task)
            await #expect(throws: StaleLease.self) {
                try await fixture.documents.finishEmbedding(result, fence: task.fence)
            }
            await #expect(throws: StaleLease.self) {
                try await fixture.documents.keepVectors(result, fence: task.fence)
            }
            #expect(try await fixture.count("SELECT count(*) FROM embedding_cache") == 0)
            #expect(try await fixture.liveChunks(uri).isEmpty)
            #expect(try await fixture.count("SELECT sum(embeds_pending) FROM document_versions") == 1)
        }
    }

    @Test("a task that was completed once cannot count down twice")
    func twice() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.stage(uri, ["a", "b"], window: 1)
            let task = try #require(try await fixture.claim(.embedding))
            let result = try await fixture.embedding(of: task)
            _ = try await fixture.documents.finishEmbedding(result, fence: task.fence)
            await #expect(throws: StaleLease.self) {
                try await fixture.documents.finishEmbedding(result, fence: task.fence)
            }
            #expect(try await fixture.liveChunks(uri).isEmpty, "the second window is still to come")
            try await fixture.embedAll()
            #expect(try await fixture.answers(uri, ["a", "b"]))
        }
    }

    @Test("vectors that were kept are not computed again, and the task is still to be done")
    func kept() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.stage(uri, ["a", "b", "c"])
            let task = try #require(try await fixture.claim(.embedding))
            let whole = try await fixture.embedding(of: task)
            let part = EmbeddingResult(
                version: whole.version,
                tenant: whole.tenant,
                ordinals: whole.ordinals,
                model: whole.model,
                vectors: Dictionary(uniqueKeysWithValues: whole.vectors.prefix(2).map { ($0.key, $0.value) }),
                resplit: [:]
            )
            try await fixture.documents.keepVectors(part, fence: task.fence)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE state = 'running'") == 1)
            let rest = try await fixture.embedding(of: task)
            #expect(Set(rest.vectors.keys) == Set(whole.vectors.keys).subtracting(part.vectors.keys))
            _ = try await fixture.documents.finishEmbedding(rest, fence: task.fence)
            #expect(try await fixture.answers(uri, ["a", "b", "c"]))
        }
    }

    @Test("pieces of a chunk that was too long take its place, numbered through")
    func resplit() async throws {
        try await DocumentsFixture.run { fixture in
            let texts = ["first", "left right", "last"]
            try await fixture.stage(uri, texts)
            let task = try #require(try await fixture.claim(.embedding))
            let result = try await fixture.embedding(of: task)
            let long = DocumentsFixture.drafts(texts)[1]
            let pieces = DocumentsFixture.drafts(["left", "right"], from: long.charFrom)
            var vectors = result.vectors
            vectors[long.contentHash] = nil
            let matrix = try await fixture.embedder.embed(pieces.map(\.text))
            for (row, piece) in pieces.enumerated() { vectors[piece.contentHash] = Array(matrix[row]) }
            let split = EmbeddingResult(
                version: result.version,
                tenant: result.tenant,
                ordinals: result.ordinals,
                model: result.model,
                vectors: vectors,
                resplit: [1: pieces]
            )
            let done = try await fixture.documents.finishEmbedding(split, fence: task.fence)
            #expect(done.isLive)
            #expect(try await fixture.answers(uri, ["first", "left", "right", "last"]))
            #expect(try await fixture.document(uri)?.chunks == 4)
            // The same content again: its pieces live, so that none of it needs a model.
            let again = try await fixture.stage(uri, texts)
            #expect(again.kept == 2 && again.toEmbed == 1)
        }
    }
}
