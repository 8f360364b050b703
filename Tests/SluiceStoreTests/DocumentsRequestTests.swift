import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Requests to ingest", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct DocumentsRequestTests {
    private let uri = "file:///a"

    @Test("documents are visible from the first second, each once, whatever its spelling")
    func registration() async throws {
        try await DocumentsFixture.run { fixture in
            // Two spellings of "é": equal to String, two files to the operating system.
            let uris = ["file:///\u{E9}", "file:///e\u{301}", "file:///b", "file:///b"]
            let receipt = try await fixture.request(uris)
            #expect(receipt.documents == 3 && receipt.underWay == 0)
            let documents = try await fixture.store.documents(
                tenant: .default,
                state: "queued",
                outcome: nil,
                limit: 10
            )
            #expect(documents.count == 3 && documents.allSatisfy { $0.task != nil })
            let again = try await fixture.request(uris)
            #expect(again.documents == 3 && again.underWay == 3)
            #expect(try await fixture.documents.ingestState(again.batch, tenant: .default).documents == 3)
        }
    }

    @Test("five thousand at once, in parts, all under one batch")
    func many() async throws {
        try await DocumentsFixture.run { fixture in
            let receipt = try await fixture.request((0..<5_000).map { "file:///\($0)" })
            let batch = try #require(try await fixture.store.batch(receipt.batch, tenant: .default))
            #expect(batch.total == 5_000 && batch.pending == 5_000)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE queue = 'ingestion'") == 5_000)
        }
    }

    @Test("a request that the waiting task can serve shares it; both batches are told")
    func shared() async throws {
        try await DocumentsFixture.run { fixture in
            let first = try await fixture.request([uri])
            let second = try await fixture.request([uri])
            #expect(second.underWay == 1)
            let task = try #require(try await fixture.claim(.ingestion))
            let document = try #require(try await fixture.document(of: task))
            _ = try await fixture.documents.stage(
                fixture.version(["a"], of: document, batch: task.batch),
                window: 10,
                fence: task.fence
            )
            #expect(try await fixture.claim(.ingestion) == nil)
            try await fixture.embedAll()
            for batch in [first.batch, second.batch] {
                let state = try await fixture.documents.ingestState(batch, tenant: .default)
                #expect(state.results == ["ok": 1] && state.isOver)
            }
        }
    }

    @Test(
        "a request made while the source is being read leads to another reading",
        arguments: ["text", "unchanged", "none"]
    )
    func late(ending: String) async throws {
        try await DocumentsFixture.run { fixture in
            let first = try await fixture.request([uri])
            let task = try #require(try await fixture.claim(.ingestion))
            let document = try #require(try await fixture.document(of: task))
            let second = try await fixture.request([uri])
            #expect(second.underWay == 1)
            switch ending {
            case "text":
                _ = try await fixture.documents.stage(
                    fixture.version(["old"], of: document, batch: task.batch),
                    window: 10,
                    fence: task.fence
                )
                try await fixture.embedAll()
            case "unchanged": try await fixture.documents.finishUnchanged(document, fence: task.fence)
            default:
                try await fixture.documents.finishWithoutText(document, outcome: .empty, detail: "", fence: task.fence)
            }
            #expect(try await fixture.documents.ingestState(first.batch, tenant: .default).isOver)
            let waiting = try await fixture.documents.ingestState(second.batch, tenant: .default)
            #expect(waiting.results.isEmpty && !waiting.isOver)
            let next = try #require(try await fixture.claim(.ingestion))
            #expect(next.batch == second.batch)
            let current = try #require(try await fixture.document(of: next))
            _ = try await fixture.documents.stage(
                fixture.version(["new"], of: current, batch: next.batch),
                window: 10,
                fence: next.fence
            )
            try await fixture.embedAll()
            #expect(try await fixture.answers(uri, ["new"]))
            let done = try await fixture.documents.ingestState(second.batch, tenant: .default)
            #expect(done.results == ["ok": 1] && done.isOver)
            #expect(try await fixture.claim(.ingestion) == nil)
        }
    }

    @Test("requests and ingests of the same documents never lock each other out")
    func noDeadlocks() async throws {
        try await DocumentsFixture.run(dimension: 8) { fixture in
            let uris = (0..<12).map { "file:///\($0)" }
            // One batch for all, so that its row is what everybody wants.
            _ = try await fixture.request(uris)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask { for _ in 0..<12 { _ = try await fixture.request(uris.shuffled()) } }
                }
                for lane in 0..<3 {
                    group.addTask {
                        let worker = try await DocumentsFixture.register(fixture.tasks)
                        for round in 0..<40 {
                            for task in try await fixture.tasks.claimNext(queue: .ingestion, limit: 1, worker: worker) {
                                guard let document = try await fixture.document(of: task) else { continue }
                                let texts = ["lane \(lane)", "round \(round)"]
                                _ = try await fixture.documents.stage(
                                    fixture.version(texts, of: document, batch: task.batch),
                                    window: 1,
                                    fence: task.fence
                                )
                            }
                            for task in try await fixture.tasks.claimNext(queue: .embedding, limit: 2, worker: worker) {
                                let result = try await fixture.embedding(of: task)
                                _ = try await fixture.documents.finishEmbedding(result, fence: task.fence)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            // Nothing is lost of it either: what is left is done, and every document answers with its last version.
            while let task = try await fixture.claim(.ingestion) {
                let document = try #require(try await fixture.document(of: task))
                let version = fixture.version(["the end"], of: document, batch: task.batch)
                _ = try await fixture.documents.stage(version, window: 1, fence: task.fence)
            }
            try await fixture.embedAll()
            #expect(try await fixture.count("SELECT count(*) FROM documents WHERE state = 'live'") == uris.count)
            #expect(try await fixture.count("SELECT count(*) FROM batch_documents WHERE result IS NULL") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM batches WHERE pending <> 0") == 0)
        }
    }

    @Test("what one tenant embedded is no business of another: no row, no vector, no cache")
    func tenants() async throws {
        try await DocumentsFixture.run { fixture in
            let acme = try #require(TenantID(rawValue: "acme"))
            let globex = try #require(TenantID(rawValue: "globex"))
            try await fixture.ingest(uri, ["shared words"], tenant: acme)
            let other = try await fixture.stage(uri, ["shared words"], tenant: globex)
            #expect(other.toEmbed == 1 && other.cached == 0)
            try await fixture.embedAll()
            #expect(try await fixture.answers(uri, ["shared words"], tenant: acme))
            #expect(try await fixture.answers(uri, ["shared words"], tenant: globex))
            for table in [
                "documents", "document_versions", "chunks", "embedding_cache", "batch_documents", "embeddings_g1",
            ] {
                let seen = try await fixture.store.inTenant(acme) { transaction in
                    try await transaction.query(
                        Statement("SELECT count(*) FROM \(table)") { row throws(PostgresError) in try row.int64(0) }
                    )
                }
                #expect(seen == [1], "\(table)")
            }
            let mine = try #require(try await fixture.document(uri, tenant: acme))
            #expect(try await fixture.documents.document(mine.id, tenant: globex) == nil)
        }
    }
}
