import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Partitions of large tenants", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct PartitionTests {
    private static func partitioned(above: Int, atMost: Int = 64) -> IndexVersionChange {
        IndexVersionChange(partitions: .by(PartitionPolicy(above: above, atMost: atMost)))
    }

    /// Three tenants with more and fewer chunks.
    private func fill(_ fixture: RebuildFixture) async throws {
        try await fixture.ingest("big.txt", 0..<60, of: .big)
        try await fixture.ingest("mid.txt", 0..<30, of: .mid)
        try await fixture.ingest("small.txt", 0..<6, of: .small)
    }

    @Test(
        "a rebuild gives them out without a model call, as many as may be; later tenants share; rolled back, nothing is lost"
    )
    func life() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            let first = try await fixture.live()
            let chunks = try await fixture.chunks()
            let (big, mid) = (chunks["big"] ?? 0, chunks["mid"] ?? 0)
            #expect(big > mid && mid > (chunks["small"] ?? 0))
            _ = fixture.base.embedder.takeEmbedded()
            let version = try await fixture.rebuild(Self.partitioned(above: 1, atMost: 2))
            #expect(version.state == .ready && version.partitions == 2)
            #expect(version.spec.partitions == PartitionPolicy(above: 1, atMost: 2))
            #expect(fixture.base.embedder.takeEmbedded().isEmpty)
            let table = "embeddings_g\(version.id)"
            #expect(try await fixture.partitions(of: version) == ["\(table)_p0", "\(table)_p1", "\(table)_p2"])
            #expect(try await fixture.vectors(in: "\(table)_p1") == ["big": big])
            #expect(try await fixture.vectors(in: "\(table)_p2") == ["mid": mid])
            #expect(try await fixture.vectors(in: "\(table)_p0") == ["small": chunks["small"] ?? 0])
            #expect(try await fixture.isWhole(version))
            #expect(try await fixture.versions.hnswIsValid(version.id))
            #expect(
                try await fixture.scalar(
                    """
                    SELECT count(*) FROM pg_attribute WHERE attrelid IN (SELECT sluice_embeddings(\(version.id)))
                        AND attname = 'embedding' AND attstorage = 'p'
                    """
                ) == 3,
                "vectors stay in their rows"
            )
            #expect(
                try await fixture.scalar(
                    "SELECT count(*) FROM pg_constraint WHERE conrelid = '\(table)'::regclass AND contype = 'f' AND conkey = '{1,2}'"
                ) == 1,
                "the tenant belongs to the key, so that a deleted chunk is looked for in one partition"
            )
            let facts = try await fixture.base.store.facts()
            #expect(facts.unprotectedTables.isEmpty && facts.invalidIndexes.isEmpty)
            #expect(
                try await fixture.scalar(
                    "SELECT max((detail ->> 'tables')::bigint) FROM index_events WHERE event = 'indexed'"
                ) == 3
            )

            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            // Changed, new, deleted; and a tenant that nobody knew.
            try await fixture.ingest("big.txt", 10..<70, of: .big)
            try await fixture.ingest("more.txt", 100..<120, of: .mid)
            try await fixture.ingest("late.txt", 0..<40, of: TenantID(trusted: "late"))
            let gone = try await fixture.delete(fixture.base.folder + "/small.txt")
            #expect(!gone.isEmpty)
            let now = try await fixture.chunks()
            #expect(try await fixture.vectors(in: table) == now)
            #expect(try await fixture.vectors(in: "\(table)_p0") == ["late": now["late"] ?? 0])
            #expect(try await fixture.isWhole(version))
            #expect(try await fixture.isWhole(first))
            let status = try await fixture.base.store.status().indexes
            #expect(status.first?.versionID == version.id && (status.first?.chunksEstimate ?? 0) >= Int64(big + mid))

            #expect(try await fixture.versions.rollback(.default).to == first.number)
            #expect(try await fixture.vectors(in: "embeddings_g\(first.id)") == now)
            _ = try await fixture.versions.rollback(.default)
            #expect(try await fixture.live().id == version.id)
            // The next one is as this one is, by today's sizes; then none has any.
            let again = try await fixture.rebuild()
            #expect(again.partitions == 2 && again.spec.partitions == version.spec.partitions)
            _ = try await fixture.versions.swap(to: again.id, fence: nil)
            let plain = try await fixture.rebuild(IndexVersionChange(partitions: PartitionChange.none))
            #expect(plain.partitions == 0)
            #expect(try await fixture.partitions(of: plain).isEmpty)
            #expect(try await fixture.isWhole(plain))

            #expect(try await fixture.versions.retire(version.id, isForced: true, fence: nil) == .dropped(uncached: 0))
            #expect(try await fixture.scalar("SELECT count(*) FROM pg_class WHERE relname LIKE '\(table)%'") == 0)
            #expect(
                try await fixture.scalar("SELECT count(*) FROM index_partitions WHERE version_id = \(version.id)") == 0
            )
        }
    }

    @Test("the plan knows who would get one")
    func plan() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            let chunks = try await fixture.chunks()
            let middle = chunks["mid"] ?? 0
            let (spec, facts) = try await fixture.versions.plan(.default, Self.partitioned(above: middle))
            #expect(facts.largeTenants == [PartitionPolicy.Tenant(.big, chunks: chunks["big"] ?? 0)])
            #expect(IndexPlan(spec, facts, .init()).partitions == 1)
            #expect(try await fixture.versions.plan(.default, IndexVersionChange()).facts.largeTenants.isEmpty)
            await #expect {
                try await fixture.versions.create(
                    in: .default,
                    Self.partitioned(above: 1, atMost: 999),
                    completing: nil
                )
            } throws: { ($0 as? TaskFailure)?.errorClass == "index.impossible" }
        }
    }

    @Test(
        "ingests, updates and deletes of every tenant between its steps: whole at the end, and every row where it belongs",
        arguments: 0..<4 as Range<UInt64>
    )
    func race(seed: UInt64) async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            var random = SluiceTestKit.SeededGenerator(seed: seed)
            let version = try await fixture.versions.create(
                in: .default,
                Self.partitioned(above: 1, atMost: 2),
                completing: nil
            )
            var driver: ClaimedTask?
            while driver?.kind != RebuildIndexInput.kind {
                driver = try await fixture.base.claim(.maintenance)
                if driver == nil { throw PipelineFixture.NotWritten() }
            }
            guard let fence = driver?.fence else { throw PipelineFixture.NotWritten() }
            _ = try await fixture.versions.advance(version.id, .began, IndexVersionFacts(), reason: nil, fence: fence)
            var names: [String: String] = [:]
            var next = 0
            var isAtEnd = false
            while !isAtEnd {
                let tenant = [.big, .mid, .small, TenantID(trusted: "new")].randomElement(using: &random) ?? .big
                switch Int.random(in: 0..<5, using: &random) {
                case 0:
                    next += 1
                    let name = "n\(next).txt"
                    names[name] = try await fixture.request(name, 0..<7, of: tenant)
                case 1:
                    guard let name = names.keys.randomElement(using: &random), let uri = names.removeValue(forKey: name)
                    else {
                        continue
                    }
                    _ = try await fixture.delete(uri)
                default:
                    isAtEnd = try await fixture.versions.backfill(
                        version.id,
                        limit: Int.random(in: 1...9, using: &random),
                        fence: fence
                    ).isAtEnd
                }
                for queue in [QueueName.ingestion, .embedding] { while try await fixture.perform(queue) != nil {} }
            }
            let gaps = try await fixture.versions.gaps(version.id)
            #expect(gaps.isWhole, "\(gaps)")
            let table = "embeddings_g\(version.id)"
            let chunks = try await fixture.chunks()
            #expect(try await fixture.vectors(in: table) == chunks)
            #expect(try await Array(fixture.vectors(in: "\(table)_p1").keys) == ["big"])
            #expect(try await Array(fixture.vectors(in: "\(table)_p2").keys) == ["mid"])
            // What a partition has lost is brought back, and what has no chunk is swept.
            let lost = try await fixture.base.store.pool.execute(
                Statement("DELETE FROM \(table)_p1 WHERE chunk_id % 2 = 0")
            )
            #expect(try await fixture.versions.gaps(version.id).missing == lost)
            #expect(try await fixture.versions.repair(version.id) == lost)
            while try await fixture.perform(.embedding) != nil {}
            try await fixture.base.store.pool.execute(
                Statement("UPDATE \(table)_p1 SET content_hash = '\\x00' WHERE chunk_id % 3 = 0")
            )
            let surplus = try await fixture.versions.gaps(version.id).surplus
            #expect(surplus > 0)
            #expect(try await fixture.versions.sweep(version.id, fence: fence) == surplus)
        }
    }

    @Test("a build that was cut off between two partitions is not valid, and goes on where it was")
    func cutOff() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            let version = try await fixture.rebuild(Self.partitioned(above: 1, atMost: 2))
            let table = "embeddings_g\(version.id)"
            let kept = try await fixture.scalar("SELECT '\(table)_p1_hnsw_idx'::regclass::oid::bigint")
            try await fixture.base.store.pool.withConnection {
                try await $0.script("DROP INDEX \(table)_p2_hnsw_idx")
            }
            #expect(try await !fixture.versions.hnswIsValid(version.id))
            await #expect(throws: IndexRefusal.hnswInvalid) {
                try await fixture.versions.swap(to: version.id, fence: nil)
            }
            let indexes = PostgresIndexStore(fixture.base.store) { _ in }
            #expect(try await indexes.buildHNSW(version.id))
            #expect(try await fixture.versions.hnswIsValid(version.id))
            #expect(try await fixture.scalar("SELECT '\(table)_p1_hnsw_idx'::regclass::oid::bigint") == kept)
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
        }
    }

    @Test("an index on chunks that was cut off is built again before the version's table is made")
    func chunkKey() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            await #expect(throws: PostgresError.self) {
                try await fixture.base.store.pool.withConnection {
                    try await $0.script("CREATE UNIQUE INDEX CONCURRENTLY chunks_tenant_key ON chunks (tenant_id)")
                }
            }
            let version = try await fixture.rebuild(Self.partitioned(above: 1))
            #expect(version.state == .ready && version.partitions == 3)
            let valid = "SELECT count(*) FROM pg_index WHERE indexrelid = 'chunks_tenant_key'::regclass AND indisvalid"
            #expect(try await fixture.scalar(valid) == 1)
        }
    }

    @Test("an ingest that goes live locks its own tenant's partition alone")
    func locks() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            let version = try await fixture.rebuild(Self.partitioned(above: 1, atMost: 2))
            let table = "embeddings_g\(version.id)"
            let pool = fixture.base.store.pool
            try await pool.withConnection { connection in
                // Whoever wants another's partition, or the version as a whole, waits for this, and not for long.
                try await connection.script(
                    "BEGIN; SET LOCAL lock_timeout = '5s'; LOCK TABLE \(table)_p2, \(table)_p0 IN ACCESS EXCLUSIVE MODE"
                )
                try await fixture.request("big.txt", 5..<65, of: .big)
                while try await fixture.perform(.ingestion) != nil {}
                while try await fixture.perform(.embedding) != nil {}
                try await connection.script("ROLLBACK")
            }
            #expect(try await fixture.scalar("SELECT count(*) FROM attempts WHERE outcome = 'failed'") == 0)
            let chunks = try await fixture.chunks()
            #expect(try await fixture.vectors(in: "\(table)_p1") == ["big": chunks["big"] ?? 0])
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("row-level security binds whoever names a partition, and no row of another tenant goes into one")
    func security() async throws {
        try await RebuildFixture.run { fixture in
            try await fill(fixture)
            let version = try await fixture.rebuild(Self.partitioned(above: 1, atMost: 2))
            let table = "embeddings_g\(version.id)"
            let store = fixture.base.store
            let number = Statement("SELECT count(*) FROM \(table)_p1") { row throws(PostgresError) in try row.int64(0) }
            for (tenant, isOwner) in [(TenantID.big, true), (.mid, false), (.small, false)] {
                let seen = try await store.pool.query(number, settings: [("sluice.tenant", tenant.rawValue)])
                #expect(((seen.first ?? 0) > 0) == isOwner)
                let registered = try await store.pool.query(
                    Statement("SELECT count(*) FROM index_partitions") { row throws(PostgresError) in try row.int64(0)
                    },
                    settings: [("sluice.tenant", tenant.rawValue)]
                )
                #expect(registered == [tenant == .small ? 0 : 1])
            }
            let copied = """
                INSERT INTO \(table)_p0 SELECT chunk_id, 'mid', content_hash, embedding FROM \(table)_p0 LIMIT 1
                """
            await #expect(throws: PostgresError.self) { try await store.pool.execute(Statement(copied)) }
        }
    }
}
