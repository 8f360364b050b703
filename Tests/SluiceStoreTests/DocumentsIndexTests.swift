import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("The index registry", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct DocumentsIndexTests {
    @Test("an index is made once, however many ask, with one task that builds it")
    func ensure() async throws {
        try await DocumentsFixture.run { fixture in
            let name = try #require(IndexName(rawValue: "manuals"))
            let ids = try await withThrowingTaskGroup(of: IndexID.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        try await eventually("the index is there") {
                            do {
                                return try await fixture.indexes.ensureIndex(
                                    name,
                                    model: fixture.model,
                                    chunkerFingerprint: "test"
                                ).id
                            } catch let error as PostgresError where error.isTransient {
                                return nil
                            }
                        }
                    }
                }
                return try await group.reduce(into: Set<IndexID>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(try await fixture.count("SELECT count(*) FROM index_versions") == 2)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE kind = 'index.build'") == 2)
        }
    }

    @Test("HNSW is built once; what an interrupted build left is replaced")
    func build() async throws {
        try await DocumentsFixture.run { fixture in
            let version = fixture.index.liveVersion
            try await fixture.ingest("file:///a", (0..<50).map { "text \($0)" })
            let name = IndexVersionNames.hnsw(version)
            let valid = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('\(name)') AND indisvalid"
            // A unique index over equal values fails half-way, as a cancelled build does, and leaves this behind.
            await #expect(throws: PostgresError.self) {
                try await fixture.store.pool.withConnection {
                    try await $0.script(
                        "CREATE UNIQUE INDEX CONCURRENTLY \(name) ON \(IndexVersionNames.table(version)) (tenant_id)"
                    )
                }
            }
            #expect(try await fixture.count("SELECT count(*) FROM pg_class WHERE oid = to_regclass('\(name)')") == 1)
            #expect(try await fixture.count(valid) == 0)
            #expect(try await fixture.indexes.buildHNSW(version))
            #expect(try await fixture.count(valid + " AND indrelid = to_regclass('embeddings_g\(version)')") == 1)
            #expect(try await fixture.count("SELECT count(*) FROM index_versions WHERE indexed_at IS NOT NULL") == 1)
            #expect(try await fixture.indexes.buildHNSW(version) == false)
            #expect(try await fixture.count("SELECT count(*) FROM index_events WHERE event = 'indexed'") == 1)
        }
    }

    @Test("a worker with another model is told so and stores nothing")
    func otherModel() async throws {
        try await DocumentsFixture.run { fixture in
            _ = try await fixture.request(["file:///a"])
            let task = try #require(try await fixture.claim(.ingestion))
            let document = try #require(try await fixture.document(of: task))
            let right = fixture.version(["a"], of: document)
            let wrong = StagedVersion(
                document: right.document,
                tenant: right.tenant,
                contentHash: right.contentHash,
                byteCount: right.byteCount,
                fingerprint: right.fingerprint,
                model: ModelIdentity(fingerprint: "another", dimension: right.model.dimension),
                metadata: right.metadata,
                characterCount: right.characterCount,
                chunks: right.chunks,
                chunkSet: right.chunkSet,
                text: right.text,
                batch: nil,
                request: right.request
            )
            let failure = await #expect(throws: TaskFailure.self) {
                try await fixture.documents.stage(wrong, window: 1, fence: task.fence)
            }
            #expect(failure?.errorClass == "index.model_mismatch")
            #expect(try await fixture.count("SELECT count(*) FROM document_versions") == 0)
        }
    }
}
