import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceSearch
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Another chunker and partitions at once", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct RechunkPartitionTests {
    private static let change = IndexVersionChange(
        chunkSize: 120,
        overlap: 20,
        partitions: .by(PartitionPolicy(above: 1, atMost: 2))
    )

    /// Each tenant's chunks of a set.
    private func chunks(_ fixture: RebuildFixture, ofSet set: Int) async throws -> [String: Int] {
        let rows = try await fixture.base.store.pool.query(
            Statement("SELECT tenant_id, count(*) FROM chunks WHERE chunk_set = \(set) GROUP BY tenant_id") {
                row throws(PostgresError) in (try row.text(0), Int(try row.int64(1)))
            }
        )
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// Every tenant finds its own text in each mode, in chunks of the one set and of its own alone.
    private func expectHits(_ fixture: RebuildFixture, version: Int?, set: Int) async throws {
        for tenant in [TenantID.big, .mid, .small] {
            let text = try #require(
                try await fixture.base.store.pool.query(
                    Statement(
                        "SELECT text FROM chunks WHERE tenant_id = $1 AND chunk_set = $2 ORDER BY id DESC LIMIT 1",
                        [.text(tenant.rawValue), .int4(set)]
                    ) { row throws(PostgresError) in try row.text(0) }
                ).first
            )
            for mode in [SearchMode.dense, .bm25, .hybrid] {
                let request = SearchRequest(text: text, tenant: tenant, version: version, count: 50, mode: mode)
                let hits = try await fixture.searcher.search(request).hits
                #expect(hits.contains { $0.text == text }, "\(tenant), \(mode)")
                let foreign = try await fixture.base.store.pool.query(
                    Statement(
                        "SELECT count(*) FROM chunks WHERE id = ANY ($1::int8[]) AND (chunk_set, tenant_id) <> ($2, $3)",
                        [.int8Array(hits.map(\.chunk.rawValue)), .int4(set), .text(tenant.rawValue)]
                    ) { row throws(PostgresError) in try row.int64(0) }
                )
                #expect(foreign == [0], "\(tenant), \(mode)")
            }
        }
    }

    private func expectCuts(
        _ fixture: RebuildFixture,
        _ texts: [String: String],
        _ versions: [IndexVersionRecord]
    ) async throws {
        for version in versions {
            for (uri, text) in texts {
                #expect(
                    try await fixture.pieces(uri, version) == fixture.expected(text, version),
                    "version \(version.number)"
                )
            }
            #expect(try await fixture.isWhole(version))
            #expect(try await fixture.isCovered(version))
        }
    }

    @Test("cut anew into partitions, found in each, written to both; swap, rollback and retirement lose nothing")
    func life() async throws {
        try await RebuildFixture.run { fixture in
            var texts: [String: String] = [:]
            func put(_ name: String, _ lines: Range<Int>, _ tenant: TenantID) async throws {
                texts[try await fixture.ingest(name, lines, of: tenant)] = RebuildFixture.prose(lines, "\(tenant)")
            }
            try await put("big.txt", 0..<60, .big)
            try await put("big2.txt", 5..<25, .big)
            try await put("mid.txt", 0..<30, .mid)
            try await put("small.txt", 0..<6, .small)
            let first = try await fixture.live()
            let reads = fixture.base.reader.calls
            let version = try await fixture.rebuild(Self.change)
            #expect(version.state == .ready && version.chunkSet == 2 && version.partitions == 2)
            #expect(fixture.base.reader.calls == reads)
            let table = "embeddings_g\(version.id)"
            func expectPlaces(_ line: Int = #line) async throws {
                let sizes = try await chunks(fixture, ofSet: 2)
                #expect(try await fixture.vectors(in: table) == sizes, "line \(line)")
                #expect(
                    try await fixture.vectors(in: "\(table)_p1") == sizes.filter { $0.key == "big" },
                    "line \(line)"
                )
                #expect(
                    try await fixture.vectors(in: "\(table)_p2") == sizes.filter { $0.key == "mid" },
                    "line \(line)"
                )
            }
            try await expectPlaces()
            try await expectCuts(fixture, texts, [first, version])
            #expect(try await fixture.versions.hnswIsValid(version.id))
            try await expectHits(fixture, version: version.number, set: 2)
            try await expectHits(fixture, version: nil, set: 1)

            // Changed, new and deleted, also of a tenant that nobody knew, before and after the swap.
            try await put("big.txt", 3..<70, .big)
            try await put("late.txt", 0..<20, TenantID(trusted: "late"))
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            try await put("mid2.txt", 40..<60, .mid)
            let gone = "file://\(fixture.base.folder)/big2.txt"
            _ = try await fixture.delete(gone)
            texts[gone] = nil
            try await expectPlaces()
            try await expectCuts(fixture, texts, [first, version])
            try await expectHits(fixture, version: nil, set: 2)

            #expect(try await fixture.versions.rollback(.default).to == first.number)
            try await put("small.txt", 2..<9, .small)
            try await expectHits(fixture, version: nil, set: 1)
            try await expectCuts(fixture, texts, [first, version])
            try await expectPlaces()

            _ = try await fixture.versions.rollback(.default)
            #expect(try await fixture.versions.retire(first.id, isForced: true, fence: nil) == .dropped(uncached: 0))
            #expect(try await fixture.chunks(ofSet: 1) == 0)
            try await expectCuts(fixture, texts, [version])
            try await expectHits(fixture, version: nil, set: 2)
            try await put("after.txt", 0..<15, .big)
            try await expectPlaces()
            try await expectCuts(fixture, texts, [version])

            // And out of it: one table, cut as in the beginning; then nothing of the partitions or of their set is left.
            var back = IndexVersionChange(chunkSize: 60, overlap: 0)
            back.partitions = PartitionChange.none
            let plain = try await fixture.rebuild(back)
            #expect(plain.state == .ready && plain.partitions == 0 && plain.chunkSet == 3)
            try await expectCuts(fixture, texts, [version, plain])
            _ = try await fixture.versions.swap(to: plain.id, fence: nil)
            #expect(try await fixture.versions.retire(version.id, isForced: true, fence: nil) == .dropped(uncached: 0))
            #expect(try await fixture.scalar("SELECT count(*) FROM pg_class WHERE relname LIKE '\(table)%'") == 0)
            #expect(try await fixture.scalar("SELECT count(*) FROM index_partitions") == 0)
            #expect(try await fixture.chunks(ofSet: 2) == 0)
            try await expectCuts(fixture, texts, [plain])
            try await expectHits(fixture, version: nil, set: 3)
        }
    }

    @Test("a tenant that is erased while both are made gets neither partition nor chunks; the others end whole")
    func erased() async throws {
        try await RebuildFixture.run { fixture in
            for (tenant, lines) in [(TenantID.big, 0..<50), (.mid, 0..<30), (.small, 0..<6)] {
                try await fixture.ingest("\(tenant).txt", lines, of: tenant)
            }
            let (version, fence) = try await fixture.begin(Self.change)
            #expect(version.partitions == 2)
            while try await !fixture.versions.cut(version.id, limit: 2, fence: fence).isAtEnd {}
            _ = try await fixture.versions.backfill(version.id, limit: 5, fence: fence)
            let id = try await fixture.base.erase(.big)
            try await fixture.drain()
            #expect(try await fixture.base.receipt(id)?.completedAt != nil)
            let table = "embeddings_g\(version.id)"
            #expect(try await fixture.partitions(of: version) == ["\(table)_p0", "\(table)_p2"])
            try await fixture.fill(version, fence)
            try await fixture.release(fence)
            try await fixture.settle()
            let ready = try await fixture.current(version)
            #expect(ready.state == .ready, "\(ready.problem ?? "")")
            let sizes = try await chunks(fixture, ofSet: 2)
            #expect(Set(sizes.keys) == ["mid", "small"])
            #expect(try await fixture.vectors(in: table) == sizes)
            let isWhole = try await fixture.isWhole(version)
            #expect(isWhole)
        }
    }
}
