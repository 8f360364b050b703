import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceServerKit
import SluiceStore
import SluiceSystem
import Testing

/// What becomes of golden queries whose answers are erased.
@Suite(.enabled(if: TestServers.arePresent)) struct GoldenErasureTests {
    private static let acme = TenantID(trusted: "acme-zq")
    private static let other = TenantID(trusted: "other")

    private static func query(_ tenant: TenantID, _ text: String, _ answers: GoldenRelevant.Document...) -> GoldenQuery
    {
        GoldenQuery(tenant: tenant, text: text, slice: "", relevant: answers.map { GoldenRelevant($0) })
    }

    private func importing(_ queries: [GoldenQuery], _ fixture: PipelineFixture) async throws -> Bool? {
        try await PostgresGoldenStore(fixture.store).importGolden(
            queries,
            as: "support",
            into: fixture.index.name,
            digest: GoldenQuery.digest(of: queries)
        )
    }

    private func revision(_ fixture: PipelineFixture) async throws -> Int {
        try await fixture.count("SELECT golden_revision FROM indexes")
    }

    @Test("an erased document is expected no more; what only it answered goes, and the receipt counts both")
    func document() async throws {
        try await PipelineFixture.run { fixture in
            let files = [
                try fixture.write("quetzal.txt", "The quetzal is a bird."),
                try fixture.write("heron.txt", "So is the heron."),
            ]
            _ = try await fixture.request(files, tenant: Self.acme)
            try await fixture.drain()
            let queries = [
                Self.query(Self.acme, "what is green", .uri(files[0])),
                Self.query(Self.acme, "what flies", .name("quetzal.txt"), .name("heron")),
                Self.query(Self.acme, "what sings", .name("quetzal")),
                Self.query(Self.acme, "what wades", .name("heron.txt")),
                Self.query(Self.other, "what is green", .name("quetzal")),
            ]
            #expect(try await importing(queries, fixture) == true)
            let before = try await revision(fixture)
            let id = try await fixture.erase(files[0], Self.acme)
            try await fixture.drain()

            let left = try await PostgresGoldenStore(fixture.store).golden(of: fixture.index.id, set: nil)
            #expect(left.map(\.text) == ["what flies", "what wades", "what is green"])
            #expect(left.first?.relevant == [GoldenRelevant(.name("heron"))])
            #expect(left.last == queries.last, "another tenant's")
            #expect(try await revision(fixture) > before, "evidence from before is stale")
            let receipt = try #require(try await fixture.receipt(id))
            let counts = Dictionary(uniqueKeysWithValues: receipt.counts.map { ($0.table, $0.rows) })
            #expect(counts["golden_relevant"] == 3 && counts["golden_queries"] == 2, "\(counts)")
            // The same file again is no repetition any more.
            #expect(try await importing(queries, fixture) == true)
        }
    }

    @Test("an erased tenant's golden queries go, and the sets that had them are others")
    func tenant() async throws {
        try await PipelineFixture.run { fixture in
            let file = try fixture.write("quetzal.txt", "The quetzal is a bird.")
            _ = try await fixture.request([file], tenant: Self.acme)
            try await fixture.drain()
            let queries = [
                Self.query(Self.acme, "what is green", .name("quetzal")),
                Self.query(Self.other, "what is grey", .name("heron")),
            ]
            #expect(try await importing(queries, fixture) == true)
            let before = try await revision(fixture)
            _ = try await fixture.erase(Self.acme)
            try await fixture.drain()
            let left = try await PostgresGoldenStore(fixture.store).golden(of: fixture.index.id, set: nil)
            #expect(left == [queries[1]])
            #expect(try await revision(fixture) == before + 1)
        }
    }
}
