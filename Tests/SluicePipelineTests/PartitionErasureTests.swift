import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Erasing and upkeep with partitions", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct PartitionErasureTests {
    private static let change = IndexVersionChange(partitions: .by(PartitionPolicy(above: 1, atMost: 2)))

    private func fill(_ fixture: RebuildFixture) async throws {
        try await fixture.ingest("big.txt", 0..<50, of: .big)
        try await fixture.ingest("mid.txt", 0..<30, of: .mid)
        try await fixture.ingest("small.txt", 0..<6, of: .small)
    }

    /// Tables whose bounds name a tenant.
    private func bounds(_ fixture: RebuildFixture, _ tenant: TenantID) async throws -> Int {
        try await fixture.scalar(
            "SELECT count(*) FROM pg_class WHERE pg_get_expr(relpartbound, oid) LIKE '%\(tenant)%' "
                + "AND relnamespace = current_schema()::regnamespace"
        )
    }

    @Test("an erased tenant's partition goes with it, the others stay; should it come back, it shares")
    func erase() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            let version = try await fixture.rebuild(Self.change)
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            let table = "embeddings_g\(version.id)"
            let others = try await fixture.chunks().filter { $0.key != "big" }
            #expect(try await bounds(fixture, .big) == 1)
            let id = try await fixture.base.erase(.big)
            try await fixture.base.drain()
            let receipt = try #require(try await fixture.base.receipt(id))
            let counts = Dictionary(uniqueKeysWithValues: receipt.counts.map { ($0.table, $0.rows) })
            #expect(receipt.completedAt != nil && counts["index_partitions"] == 1)
            // In this version and in the one before, which soaks.
            #expect(counts["embeddings"] == (counts["chunks"] ?? 0) * 2)
            #expect(try await bounds(fixture, .big) == 0)
            #expect(try await fixture.partitions(of: version) == ["\(table)_p0", "\(table)_p2"])
            #expect(try await fixture.vectors(in: table) == others)
            #expect(try await fixture.versions.hnswIsValid(version.id))
            #expect(try await fixture.isWhole(version))
            try await fixture.ingest("again.txt", 0..<9, of: .big)
            #expect(try await fixture.vectors(in: "\(table)_p0").keys.contains("big"))
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("another tenant's own partition is not looked through, however alike the names are")
    func others() async throws {
        try await RebuildFixture.run { fixture in
            let bigger = TenantID(trusted: "big-ger")
            try await fill(fixture)
            try await fixture.ingest("bigger.txt", 0..<40, of: bigger)
            let version = try await fixture.rebuild(Self.change)
            let table = "embeddings_g\(version.id)"
            // By size: big, big-ger, and what the others share.
            #expect(try await fixture.partitions(of: version).count == 3)
            let erasures = PostgresErasureStore(fixture.base.store)
            for (tenant, own) in [(TenantID.big, ["\(table)_p1"]), (bigger, ["\(table)_p2"]), (.mid, [])] {
                let erasure = try #require(try await erasures.erasure(try await fixture.base.erase(tenant)))
                let names = try await erasures.steps(of: erasure).map(\.name)
                #expect(names.filter { $0.hasPrefix(table) }.sorted() == (["\(table)_p0"] + own).sorted())
                // In one table with everybody's, as all others are.
                #expect(names.contains("embeddings_g1") && names.contains("chunks"))
            }
            try await fixture.base.drain()
            #expect(try await fixture.chunks().keys.sorted() == ["small"])
            #expect(try await fixture.vectors(in: table).keys.sorted() == ["small"])
        }
    }

    @Test("a tenant erased before its partition is made never gets one")
    func early() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            let planned = try await fixture.versions.create(in: .default, Self.change, completing: nil)
            #expect(planned.partitions == 2)
            let id = try await fixture.base.erase(.mid)
            // The rebuild's own task waits: this is about which of the two comes first.
            try await fixture.base.store.pool.execute(
                Statement(
                    "UPDATE tasks SET run_at = now() + interval '1 day', state = 'scheduled' WHERE kind = 'index.rebuild'"
                )
            )
            try await fixture.base.drain()
            #expect(try await fixture.base.receipt(id)?.completedAt != nil)
            try await fixture.settle()
            let version = try await fixture.current(planned)
            #expect(version.state == .ready && version.partitions == 1)
            #expect(try await bounds(fixture, .mid) == 0)
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("compaction, warming, statistics, tenants' own indexes and backups see each partition")
    func upkeep() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            let version = try await fixture.rebuild(Self.change)
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            let store = fixture.base.store
            let table = "embeddings_g\(version.id)"
            let tables = (0...2).map { "\(table)_p\($0)" }

            let compaction = PostgresCompactionStore(store)
            let relations = try await compaction.relations().filter { $0.table.hasPrefix(table + "_") }
            #expect(relations.map(\.table) == tables)
            #expect(relations.allSatisfy { $0.indexes.contains { $0.isGraph && $0.expectedBytes != nil } })
            let task = NewTask(tenant: .default, queue: .maintenance, kind: NoopInput.kind, payload: "{}")
            _ = try await fixture.base.tasks.enqueue([task])
            let fence = try #require(try await fixture.base.claim(.maintenance)?.fence)
            let index = "\(table)_p1_hnsw_idx"
            _ = try await compaction.perform(.reindex(index, table: "\(table)_p1"), fence: fence)
            _ = try await compaction.perform(.vacuum("\(table)_p1"), fence: fence)
            #expect(try await fixture.versions.hnswIsValid(version.id))
            #expect(
                try await fixture.scalar(
                    "SELECT count(*) FROM index_events WHERE event = 'compacted' AND version_id = \(version.id)"
                ) == 2
            )

            let upkeep = PostgresUpkeepStore(store)
            try await store.pool.withConnection {
                try await $0.script(
                    """
                    CREATE FUNCTION pg_prewarm(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT pg_relation_size($1) / 8192';
                    DO $$ BEGIN
                        FOR round IN 1..10 LOOP UPDATE \(table)_p1 SET content_hash = content_hash; END LOOP;
                    END $$
                    """
                )
            }
            #expect(try await upkeep.warm()?.map(\.name) == tables + tables.map { $0 + "_hnsw_idx" })
            try await eventually("the version is analysed as a whole") {
                let analysed = try await upkeep.refreshStatistics()
                #expect(!analysed.contains { $0.hasPrefix(table + "_") })
                return analysed.contains(table)
            }

            let policy = TenantIndexPolicy(partialFrom: 1, partialUntil: 1, shareAtMost: 1)
            let tenants = PostgresTenantIndexes(store, policy: policy)
            #expect(try await tenants.apply(version.id).build == [.small], "others have more than that")
            #expect(try await tenants.apply(version.id).keep == [.small])
            #expect(
                try await fixture.scalar(
                    "SELECT count(*) FROM pg_indexes WHERE tablename = '\(table)_p0' AND indexname LIKE '%hnsw_t%'"
                ) == 1
            )
        }
    }
}
