import SluiceCore
import SluicePostgres
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Vectors that an erasure takes out of the cache", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct ErasureOrphanTests {
    private static let tenant = TenantID(trusted: "other")
    private static let first = "This line is about one thing and about nothing else."
    private static let second = "This line is about another thing, which is not the first."
    private static let third = "This line is the last of them and is about a third thing."

    @Test("one document is erased beside ingests that are storing chunks: none waits for the other")
    func beside() async throws {
        try await PipelineFixture.run { fixture in
            let gone = try fixture.write("gone.txt", "\(Self.first)\n\n\(Self.second)")
            let kept = try fixture.write("kept.txt", "\(Self.second)\n\n\(Self.third)")
            _ = try await fixture.request([gone, kept], tenant: Self.tenant)
            try await fixture.drain()
            try await fixture.store.pool.transaction { transaction in
                // As a transaction holds it that is storing chunks.
                try await transaction.script("LOCK TABLE staged_chunks, chunks IN ROW EXCLUSIVE MODE")
                let id = try await fixture.erase(gone, Self.tenant)
                try await fixture.drain()
                let receipt = try #require(try await fixture.receipt(id))
                #expect(receipt.completedAt != nil)
                #expect(receipt.counts.first { $0.table == "embedding_cache" }?.rows == 1)
            }
            #expect(try await fixture.count("SELECT count(*) FROM embedding_cache") == 2)
        }
    }

    @Test(
        "a staged version whose cached vectors are gone by the time it goes live has them made again",
        arguments: [false, true]
    )
    func mended(isRewritten: Bool) async throws {
        try await PipelineFixture.run { fixture in
            let old = try fixture.write("old.txt", "\(Self.first)\n\n\(Self.second)")
            _ = try await fixture.request([old], tenant: Self.tenant)
            try await fixture.drain()
            // Two lines that are cached, and one that is not.
            let new = try fixture.write("new.txt", "\(Self.first)\n\n\(Self.second)\n\n\(Self.third)")
            let batch = try await fixture.request([new], tenant: Self.tenant)
            let registry = fixture.registry
            _ = try await fixture.perform(.ingestion, registry)
            #expect(try await fixture.count("SELECT count(*) FROM staged_chunks") == 3)
            try await fixture.store.pool.execute(Statement("DELETE FROM embedding_cache"))
            if isRewritten {
                // Also what a live chunk of the same document has: its vector is taken from there.
                try await fixture.drain()
                try fixture.write(
                    "new.txt",
                    "\(Self.third)\n\n\(Self.third)\n\nThis line is a new one, and it was never seen."
                )
                _ = try await fixture.request([new], tenant: Self.tenant)
                _ = try await fixture.perform(.ingestion, registry)
                try await fixture.store.pool.execute(Statement("DELETE FROM embedding_cache"))
            }
            try await fixture.drain()
            #expect(try await fixture.documents.ingestState(batch, tenant: Self.tenant).results == ["ok": 1])
            #expect(try await fixture.count("SELECT count(*) FROM document_versions WHERE state = 'embedding'") == 0)
            #expect(try await fixture.count("SELECT count(*) FROM dead_letters") == 0)
            #expect(
                try await fixture.count(
                    """
                    SELECT count(*) FROM chunks JOIN documents ON documents.id = chunks.document_id
                    WHERE documents.uri LIKE '%new.txt' AND EXISTS (SELECT FROM embeddings_g1 WHERE chunk_id = chunks.id)
                    """
                ) == 3
            )
        }
    }
}
