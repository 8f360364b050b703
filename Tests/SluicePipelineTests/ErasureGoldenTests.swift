import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Erasures and golden queries", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct ErasureGoldenTests {
    private static let tenant = TenantID(trusted: "other")
    private static let golden: [[GoldenRelevant.Document]] = [
        [.name("b")], [.name("b.md")], [.uri("file:///one/b.md")], [.name("index.md"), .name("index")],
        [.uri("file:///one/index.md")],
    ]

    private struct Facts: Equatable {
        let names: [String]
        let revision: Int
    }

    private func facts(_ fixture: PipelineFixture) async throws -> Facts {
        let names = try await fixture.store.pool.query(
            Statement("SELECT coalesce(uri, document) FROM golden_relevant ORDER BY query_id, position") {
                row throws(PostgresError) in try row.text(0)
            }
        )
        return Facts(names: names, revision: try await fixture.count("SELECT golden_revision FROM indexes"))
    }

    private func importGolden(_ fixture: PipelineFixture, _ tenant: TenantID) async throws -> Bool? {
        let queries = Self.golden.enumerated().map { number, documents in
            GoldenQuery(
                tenant: tenant,
                text: "question \(number)",
                slice: "",
                relevant: documents.map { GoldenRelevant($0) }
            )
        }
        return try await PostgresGoldenStore(fixture.store)
            .importGolden(queries, as: "g", into: .default, digest: GoldenQuery.digest(of: queries))
    }

    @Test(
        "answers that name an erased document go, however they name it; what is another document's name as well stays"
    )
    func document() async throws {
        try await PipelineFixture.run { fixture in
            let uris = ["file:///one/b.md", "file:///one/index.md", "file:///two/index.md", "file:///two/b.md.txt"]
            _ = try await fixture.request(uris, tenant: Self.tenant)
            try await fixture.drain()
            #expect(try await importGolden(fixture, Self.tenant) == true)
            #expect(try await importGolden(fixture, Self.tenant) == false)
            var before = try await facts(fixture)

            // 'b.md' is also the name, without its ending, of 'b.md.txt'.
            _ = try await fixture.erase(uris[0], Self.tenant)
            try await fixture.drain()
            var now = try await facts(fixture)
            #expect(now.names == ["b.md", "index.md", "index", "file:///one/index.md"])
            #expect(now.revision > before.revision)
            before = now

            _ = try await fixture.erase(uris[1], Self.tenant)
            try await fixture.drain()
            now = try await facts(fixture)
            #expect(now.names == ["b.md", "index.md", "index"] && now.revision > before.revision)
            before = now

            _ = try await fixture.erase(uris[2], Self.tenant)
            try await fixture.drain()
            now = try await facts(fixture)
            #expect(now.names == ["b.md"] && now.revision > before.revision)
            // Whoever imports the file again says so.
            #expect(try await importGolden(fixture, Self.tenant) == true)
        }
    }

    @Test("a tenant's golden queries go with it, and evidence from before is stale")
    func tenant() async throws {
        try await PipelineFixture.run { fixture in
            _ = try await fixture.request(["file:///one/b.md"], tenant: Self.tenant)
            try await fixture.drain()
            #expect(try await importGolden(fixture, Self.tenant) == true)
            let before = try await facts(fixture)
            _ = try await fixture.erase(Self.tenant)
            try await fixture.drain()
            let now = try await facts(fixture)
            #expect(now.names.isEmpty && now.revision > before.revision)
            #expect(try await fixture.count("SELECT count(*) FROM golden_queries") == 0)
            #expect(try await importGolden(fixture, TenantID(trusted: "third")) == true)
        }
    }
}
