import SluiceCore
import SluiceDocuments
import SluiceInference
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@testable import SluiceSearch

@Suite("Search in versions with partitions", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct PartitionSearchTests {
    private static let large = TenantID(trusted: "large.one")
    private static let small = TenantID(trusted: "small")

    private static func texts(_ count: Int, _ seed: UInt64) -> [String] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            (0..<5).map { _ in "w\(Int.random(in: 0..<300, using: &random))" }.joined(separator: " ")
        }
    }

    /// Rebuilds with partitions and swaps, as the task does it.
    private static func partition(
        _ fixture: DocumentsFixture,
        above: Int,
        swaps: Bool = true
    ) async throws -> IndexVersionRecord {
        let versions = PostgresIndexVersions(fixture.store, evidence: { _, _ in .fresh }) { _ in }
        let change = IndexVersionChange(partitions: .by(PartitionPolicy(above: above)))
        let version = try await versions.create(in: .default, change, completing: nil)
        var driver: ClaimedTask?
        while driver?.kind != RebuildIndexInput.kind {
            driver = try await fixture.claim(.maintenance)
            if driver == nil { throw DocumentsFixture.NoTask() }
        }
        guard let fence = driver?.fence else { throw DocumentsFixture.NoTask() }
        func advance(_ event: IndexLifecycleEvent, _ facts: IndexVersionFacts = IndexVersionFacts()) async throws {
            _ = try await versions.advance(version.id, event, facts, reason: nil, fence: fence)
        }
        try await advance(.began)
        while try await !versions.backfill(version.id, limit: 2_000, fence: fence).isAtEnd {}
        try await advance(.loaded, versions.gaps(version.id).facts)
        #expect(try await fixture.indexes.buildHNSW(version.id))
        try await advance(.indexed)
        try await advance(.judged(.go))
        if swaps { _ = try await versions.swap(to: version.id, fence: nil) }
        return version
    }

    @Test(
        "the plan has the tenant's own partition alone, by its HNSW index; hits are its own, and nearly all of the nearest"
    )
    func plans() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///rest", Self.texts(2_500, 1))
            try await fixture.ingest("file:///large", Self.texts(4_000, 2), tenant: Self.large)
            try await fixture.ingest("file:///small", Self.texts(60, 3), tenant: Self.small)
            let version = try await Self.partition(fixture, above: 3_000)
            let table = "embeddings_g\(version.id)"
            let searcher = Searcher(pool: fixture.store.pool, embedder: fixture.embedder, exactBelow: 500)
            for (tenant, own) in [(Self.large, "_p1"), (.default, "_p0"), (Self.small, "_p0")] {
                let plan = try await searcher.plan(SearchRequest(text: "w1 w2", tenant: tenant)).joined(separator: "\n")
                #expect(plan.contains(table + own), "\(plan)")
                #expect(!plan.contains(table + (own == "_p0" ? "_p1" : "_p0")), "\(plan)")
                #expect(plan.contains("_hnsw_idx") == (tenant != Self.small), "\(plan)")
                for mode in SearchMode.allCases {
                    var request = SearchRequest(text: "w1 w2", tenant: tenant, count: 20, mode: mode)
                    let found = try await searcher.search(request)
                    let uri =
                        tenant == .default ? "file:///rest" : tenant == Self.large ? "file:///large" : "file:///small"
                    #expect(!found.hits.isEmpty && found.hits.allSatisfy { $0.uri == uri })
                    guard mode == .dense, tenant == Self.large else { continue }
                    #expect(!found.isExact && found.hits.count == 20)
                    request.method = .exact
                    let all = Set(try await searcher.search(request).hits.map(\.chunk))
                    #expect(found.hits.count { all.contains($0.chunk) } >= 18)
                    request.method = .automatic
                    request.filter = .attribute(.uri, .among([.string("file:///large")]))
                    #expect(try await searcher.search(request).hits.count == 20)
                }
            }
        }
    }

    @Test("the gates let one through, and refuse it when a single partition has no HNSW index")
    func gates() async throws {
        try await GateFixture.run(scale: 1_500, exactBelow: 300) { fixture in
            let version = try await Self.partition(fixture.base, above: 1_000, swaps: false)
            #expect(try await fixture.gates().judge(version.id) == .go)
            try await fixture.execute("DROP INDEX embeddings_g\(version.id)_p0_hnsw_idx")
            #expect(try await fixture.gates().judge(version.id) == .noGo)
        }
    }

    @Test("effort goes by the size of what the tenant's searches scan")
    func sizes() async throws {
        try await DocumentsFixture.run { fixture in
            try await fixture.ingest("file:///rest", Self.texts(40, 1))
            try await fixture.ingest("file:///large", Self.texts(120, 2), tenant: Self.large)
            func vectors(_ tenant: TenantID) async throws -> Int? {
                try await fixture.store.pool.query(
                    SearchStatements.pointer(.default, nil, tenant: tenant),
                    settings: [("sluice.tenant", tenant.rawValue)]
                ).first?.vectors
            }
            #expect(try await fixture.indexes.buildHNSW(fixture.index.liveVersion))
            #expect(try await vectors(Self.large) == 160)
            _ = try await Self.partition(fixture, above: 100)
            #expect(try await vectors(Self.large) == 120)
            #expect(try await vectors(.default) == 40)
            #expect(try await vectors(Self.small) == 40, "it has nothing yet, and will be there")
        }
    }
}
