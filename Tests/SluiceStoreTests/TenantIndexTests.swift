import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceSearch
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Indexes of large tenants", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct TenantIndexTests {
    private static func texts(_ count: Int, _ seed: UInt64) -> [String] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            (0..<5).map { _ in "w\(Int.random(in: 0..<300, using: &random))" }.joined(separator: " ")
        }
    }

    private static func indexes(_ fixture: DocumentsFixture) async throws -> Int {
        try await fixture.count(
            "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'embeddings%hnsw_t%' AND schemaname = current_schema()"
        )
    }

    @Test("a large tenant gets one, its searches use it and find only its own, and it goes with the tenant's vectors")
    func lifecycle() async throws {
        try await DocumentsFixture.run { fixture in
            let large = try #require(TenantID(rawValue: "large.one"))
            let small = try #require(TenantID(rawValue: "small"))
            try await fixture.ingest("file:///rest", Self.texts(4_500, 1))
            try await fixture.ingest("file:///large", Self.texts(4_000, 2), tenant: large)
            try await fixture.ingest("file:///small", Self.texts(60, 3), tenant: small)
            let version = fixture.index.liveVersion
            _ = try await fixture.indexes.buildHNSW(version)
            let policy = TenantIndexPolicy(partialFrom: 500, partialUntil: 100)
            let tenants = PostgresTenantIndexes(fixture.store, policy: policy)
            #expect(try await tenants.plan(version).build == [large], "the first has more than half")
            #expect(try await tenants.apply(version).build == [large])
            #expect(try await Self.indexes(fixture) == 1)
            #expect(try await tenants.apply(version).keep == [large])
            #expect(try await tenants.liveVersions(of: nil) == [version])
            #expect(try await tenants.liveVersions(of: .default) == [version])
            #expect(try await tenants.liveVersions(of: IndexName(rawValue: "other")).isEmpty)
            #expect(try await fixture.count("SELECT count(*) FROM index_events WHERE event = 'isolated'") == 1)
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, exactBelow: 500)
            let plan = try await searcher.plan(SearchRequest(text: "w1 w2", tenant: large))
            #expect(plan.contains { $0.contains("_hnsw_t") }, "\(plan.joined(separator: "\n"))")
            let others = try await searcher.plan(SearchRequest(text: "w1 w2"))
            #expect(!others.contains { $0.contains("_hnsw_t") }, "another tenant's is of no use")
            var request = SearchRequest(text: "w1 w2", tenant: large, count: 20, mode: .dense)
            let found = try await searcher.search(request)
            #expect(!found.isExact && found.hits.count == 20 && found.hits.allSatisfy { $0.uri == "file:///large" })
            request.method = .exact
            let all = Set(try await searcher.search(request).hits.map(\.chunk))
            #expect(found.hits.count { all.contains($0.chunk) } >= 18)

            _ = try await fixture.store.pool.execute([
                Statement("DELETE FROM documents WHERE tenant_id = $1", [.text(large.rawValue)])
            ])
            #expect(try await tenants.apply(version) == TenantIndexPolicy.Plan())
            #expect(try await Self.indexes(fixture) == 0)
        }
    }

    @Test("a smaller one loses it")
    func shrinks() async throws {
        try await DocumentsFixture.run { fixture in
            let other = try #require(TenantID(rawValue: "other"))
            try await fixture.ingest("file:///rest", Self.texts(200, 1))
            try await fixture.ingest("file:///other", Self.texts(100, 2), tenant: other)
            let version = fixture.index.liveVersion
            func apply(_ from: Int, _ until: Int) async throws -> TenantIndexPolicy.Plan {
                let policy = TenantIndexPolicy(partialFrom: from, partialUntil: until)
                return try await PostgresTenantIndexes(fixture.store, policy: policy).apply(version)
            }
            #expect(try await apply(100, 50).build == [other])
            #expect(try await apply(200, 101).drop == [other])
            #expect(try await Self.indexes(fixture) == 0)
        }
    }
}
