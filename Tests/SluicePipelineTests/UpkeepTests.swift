import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("Upkeep by tasks", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct UpkeepTests {
    private func registry(_ fixture: PipelineFixture) -> HandlerRegistry {
        var registry = HandlerRegistry()
        registry.registerPipeline(fixture.pipeline, queues: QueueName.all)
        let store = fixture.store
        var maintenance = Maintenance(
            erasures: PostgresErasureStore(store),
            hints: nil,
            queues: { try await store.queueNames() }
        )
        maintenance.retention = PostgresRetentionStore(store)
        maintenance.freshness = PostgresFreshnessStore(
            store,
            documents: fixture.documents,
            indexes: PostgresIndexStore(store) { _ in }
        )
        maintenance.upkeep = PostgresUpkeepStore(store)
        maintenance.compaction = PostgresCompactionStore(store)
        maintenance.compactionPolicy = CompactionPolicy(leastDeadRows: 10)
        registry.registerMaintenance(maintenance)
        return registry
    }

    /// Enqueues, performs, and expects it to be completed.
    private func run<Input: TaskInput>(_ input: Input, _ fixture: PipelineFixture) async throws {
        _ = try await fixture.tasks.enqueue([try NewTask(input, tenant: .default)])
        let verdict = try await fixture.perform(.maintenance, registry(fixture))
        guard case .completed?? = verdict else {
            Issue.record("\(verdict as Any)")
            return
        }
    }

    private func script(_ fixture: PipelineFixture, _ sql: String) async throws {
        try await fixture.store.pool.withConnection { try await $0.script(sql) }
    }

    @Test(
        "the sweep removes vectors of models that no version uses, old events, readings and questions; counting first says the same"
    )
    func sweep() async throws {
        try await PipelineFixture.run { fixture in
            try await fixture.drain()
            try await fixture.store.setFreshness(.default, source: "", maxAge: .seconds(60))
            try await script(
                fixture,
                """
                INSERT INTO embedding_cache (tenant_id, model_fingerprint, content_hash, embedding, created_at)
                SELECT 'default', model, ('\\x0' || n)::bytea, '[1]'::halfvec, now() - n * interval '5 days'
                FROM generate_series(1, 3) AS n,
                    unnest(ARRAY['gone', (SELECT model_fingerprint FROM index_versions)]) AS model;
                INSERT INTO index_events (index_id, event, at) SELECT id, 'old', now() - interval '400 days' FROM indexes;
                INSERT INTO freshness_readings (target_id, tenant_id, at, documents, stale)
                SELECT id, tenant_id, now() - n * interval '60 days', 0, 0 FROM freshness_targets, generate_series(0, 3) AS n;
                INSERT INTO question_logs (index_id, percent, per_day, days) SELECT id, 10, 10, 30 FROM indexes;
                INSERT INTO questions (index_id, tenant_id, day, query, mode)
                SELECT index_id, 'default', (now() AT TIME ZONE 'UTC')::date - ago, 'why', 'dense'
                FROM question_logs, unnest(ARRAY[0, 30, 31, 400]) AS ago
                """
            )
            let events = try await fixture.count("SELECT count(*) FROM index_events")
            let counted = try await PostgresRetentionStore(fixture.store).count(SweepPolicy())
            #expect(
                counted == [
                    SweptRows(name: "vectors of unused models", count: 2), SweptRows(name: "index events", count: 1),
                    SweptRows(name: "freshness readings", count: 2), SweptRows(name: "questions of readers", count: 2),
                ]
            )
            try await run(SweepRetentionInput(), fixture)
            #expect(try await PostgresRetentionStore(fixture.store).count(SweepPolicy()).allSatisfy { $0.count == 0 })
            #expect(try await fixture.count("SELECT count(*) FROM embedding_cache") == 4)
            #expect(try await fixture.count("SELECT count(*) FROM index_events") == events - 1)
        }
    }

    @Test("vectors of unused models are looked at once each, tenant by tenant, however many are too young")
    func sweepPages() async throws {
        try await PipelineFixture.run { fixture in
            try await fixture.drain()
            try await script(
                fixture,
                """
                INSERT INTO tenants (id) VALUES ('a'), ('b'), ('c') ON CONFLICT DO NOTHING;
                INSERT INTO embedding_cache (tenant_id, model_fingerprint, content_hash, embedding, created_at)
                SELECT tenant, model, sha256(n::text::bytea), '[1]'::halfvec, now() - n % 3 * interval '8 days'
                FROM generate_series(1, 6000) AS n, unnest(ARRAY['a', 'c']) AS tenant,
                    unnest(ARRAY['gone', 'gone-2', (SELECT model_fingerprint FROM index_versions)]) AS model
                WHERE NOT (tenant = 'c' AND model = 'gone-2');
                INSERT INTO embedding_cache (tenant_id, model_fingerprint, content_hash, embedding, created_at)
                SELECT 'b', 'gone', sha256('one'), '[1]'::halfvec, now() - interval '8 days'
                """
            )
            let retention = PostgresRetentionStore(fixture.store)
            let counted = try await retention.count(SweepPolicy())
            #expect(counted.first?.count == 3 * 4_000 + 1)
            _ = try await fixture.tasks.enqueue([try NewTask(SweepRetentionInput(), tenant: .default)])
            let task = try #require(try await fixture.claim(.maintenance))
            var position: SweepPosition? = .start
            var removed: [Int] = []
            while let from = position, removed.count < 20 {
                let step = try await retention.sweep(retention.sorts[0], SweepPolicy(), from: from, fence: task.fence)
                removed.append(step.removed)
                position = step.next
            }
            #expect(position == nil)
            // Two pages a pair with 6,000, one with one, and the end.
            #expect(removed.count == 8 && removed.reduce(0, +) == 3 * 4_000 + 1)
            #expect(try await retention.count(SweepPolicy()).first?.count == 0)
            #expect(
                try await fixture.count("SELECT count(*) FROM embedding_cache WHERE model_fingerprint LIKE 'gone%'")
                    == 6_000
            )
        }
    }

    @Test("what is wrong with one sort of rows keeps the sweep from none of the others")
    func sweepGoesOn() async throws {
        try await PipelineFixture.run { fixture in
            try await fixture.drain()
            try await script(
                fixture,
                """
                INSERT INTO index_events (index_id, event, at) SELECT id, 'old', now() - interval '400 days' FROM indexes;
                ALTER TABLE embedding_cache RENAME TO elsewhere
                """
            )
            _ = try await fixture.tasks.enqueue([try NewTask(SweepRetentionInput(), tenant: .default)])
            let verdict = try await fixture.perform(.maintenance, registry(fixture))
            if case .completed?? = verdict { Issue.record("it says that all is well") }
            #expect(try await fixture.count("SELECT count(*) FROM index_events WHERE event = 'old'") == 0)
        }
    }

    @Test("freshness is measured by tenant and source; stale documents are ingested again, once")
    func freshness() async throws {
        try await PipelineFixture.run { fixture in
            let other = TenantID(trusted: "other")
            let old = try fixture.write("old.txt", "Written long ago.")
            let new = try fixture.write("new.txt", "Written just now.")
            _ = try await fixture.request([old, new], tenant: other)
            _ = try await fixture.request([old], tenant: .default)
            try await fixture.drain()
            try await script(
                fixture,
                "UPDATE documents SET checked_at = now() - interval '2 days' WHERE uri LIKE '%old.txt'"
            )
            let store = fixture.store
            try await store.setFreshness(other, source: "file:///nowhere/", maxAge: .seconds(60))
            try await store.setFreshness(other, source: "file:///", maxAge: .seconds(60))
            try await store.setFreshness(other, source: "file:///", maxAge: .seconds(86_400))
            try await run(CheckFreshnessInput(), fixture)
            var records = try await store.freshness(tenant: other)
            #expect(records.map { $0.target.source } == ["file:///", "file:///nowhere/"])
            #expect(records[0].reading?.documents == 2 && records[0].reading?.stale == 1)
            #expect(abs((records[0].reading?.oldest?.inSeconds ?? 0) - 172_800) < 600)
            #expect(records[1].reading == FreshnessReading(documents: 0, stale: 0, oldest: nil))
            #expect(try await fixture.count("SELECT count(*) FROM tasks") == 0)

            let calls = fixture.reader.calls
            try await run(CheckFreshnessInput(reingests: true), fixture)
            try await run(CheckFreshnessInput(reingests: true), fixture)
            #expect(try await fixture.count("SELECT count(*) FROM tasks WHERE kind = 'document.ingest'") == 1)
            // It was asked for, and something is said of it: nothing was read.
            _ = try await fixture.documents.requestIngest(
                of: [old],
                tenant: other,
                index: fixture.index,
                label: "",
                attributes: DocumentAttributes(tags: ["new"])
            )
            try await run(CheckFreshnessInput(), fixture)
            #expect(try await store.freshness(tenant: other)[0].reading?.stale == 1)
            try await fixture.drain()
            #expect(fixture.reader.calls == calls)  // Its bytes are as they were: nothing was read anew.
            try await run(CheckFreshnessInput(reingests: true), fixture)
            records = try await store.freshness(tenant: other)
            #expect(records[0].reading?.stale == 0)
            #expect(try await store.removeFreshness(other, source: "file:///"))
            #expect(try await !store.removeFreshness(other, source: "file:///"))
            #expect(try await store.freshness(tenant: nil).count == 1)
        }
    }

    @Test(
        "tables that changed are analysed; without pg_prewarm nothing is warmed, with it live vectors and their index are"
    )
    func statistics() async throws {
        try await PipelineFixture.run { fixture in
            _ = try await fixture.ingest(
                try fixture.write("a.txt", String(repeating: "One sentence here.\n\n", count: 200))
            )
            let upkeep = PostgresUpkeepStore(fixture.store)
            // The server tells of changes with a delay.
            try await eventually("chunks are analysed") { try await upkeep.refreshStatistics().contains("chunks") }
            #expect(try await upkeep.warm() == nil)
            try await run(WarmCacheInput(), fixture)
            try await run(RefreshStatisticsInput(), fixture)
            try await script(
                fixture,
                "CREATE FUNCTION pg_prewarm(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT pg_relation_size($1) / 8192'"
            )
            let warmed = try #require(try await upkeep.warm())
            #expect(warmed.map(\.name) == ["embeddings_g1", "embeddings_g1_hnsw_idx"])
            #expect(warmed.allSatisfy { $0.blocks > 0 })
            try await run(WarmCacheInput(), fixture)
        }
    }

    @Test("compaction: leftovers go, the graph is built anew before its table is vacuumed, sizes are kept in events")
    func compaction() async throws {
        try await PipelineFixture.run { fixture in
            let text = (0..<400).map { "Sentence number \($0) is about something of its own, at some length.\n\n" }
            let uri = try fixture.write("a.txt", text.joined())
            _ = try await fixture.ingest(uri)
            try fixture.write("a.txt", text.prefix(100).joined())
            _ = try await fixture.ingest(uri)
            // A build that was cut off leaves an invalid index.
            try await script(fixture, "CREATE INDEX chunks_document_idx_ccnew ON chunks (document_id)")
            let compaction = PostgresCompactionStore(fixture.store)
            #expect(try await !compaction.isBuilding())
            try await eventually("the server knows of the dead rows") {
                try await compaction.relations().contains { $0.table == "embeddings_g1" && $0.deadRows >= 100 }
            }
            let before = try #require(try await compaction.relations().first { $0.table == "embeddings_g1" })
            #expect(before.indexes.contains { $0.isGraph && $0.expectedBytes != nil })
            let steps = CompactionPolicy(leastDeadRows: 10).steps([before])
            #expect(steps == [.reindex("embeddings_g1_hnsw_idx", table: "embeddings_g1"), .vacuum("embeddings_g1")])

            try await run(CompactIndexInput(), fixture)
            try await eventually("no dead rows are left") {
                try await compaction.relations().first { $0.table == "embeddings_g1" }?.deadRows == 0
            }
            #expect(
                try await fixture.count(
                    """
                    SELECT count(*) FROM index_events WHERE event = 'compacted' AND detail ->> 'relation' LIKE 'embeddings_g1%'
                        AND (detail ->> 'bytes_before')::bigint >= (detail ->> 'bytes_after')::bigint AND version_id = 1
                    """
                ) == 2
            )
            #expect(
                try await fixture.count(
                    "SELECT count(*) FROM index_events WHERE event = 'compacted' AND version_id IS NULL"
                ) > 0
            )
            #expect(
                try await fixture.count(
                    "SELECT count(*) FROM pg_index WHERE indexrelid = 'embeddings_g1_hnsw_idx'::regclass AND indisvalid"
                )
                    == 1
            )
            let found = try await fixture.liveChunks(uri)
            #expect(!found.isEmpty)
        }
    }

    @Test(
        "after a crash the server has counted nothing: then the last vacuum's count says how large a graph may be",
        .enabled(if: Environment.value("SLUICE_SUPERUSER_URL") != nil)
    )
    func crash() async throws {
        try await PipelineFixture.run { fixture in
            let text = (0..<400).map { "Sentence number \($0) is about something of its own, at some length.\n\n" }
            _ = try await fixture.ingest(try fixture.write("a.txt", text.joined()))
            try await script(fixture, "VACUUM ANALYZE embeddings_g1")
            // As the server is after it crashed.
            let url = try #require(Environment.value("SLUICE_SUPERUSER_URL"))
            let superuser = PostgresPool(
                PostgresConfiguration(url: url, applicationName: "sluice-test", poolSize: 1)
            )
            defer { superuser.close() }
            let tables = Statement<Int64>(
                "SELECT 'embeddings_g1'::regclass::oid::int8"
            ) { row throws(PostgresError) in try row.int64(0) }
            let table = try #require(try await fixture.store.pool.query(tables).first)
            try await eventually("the server knows of no rows") {
                try await superuser.withConnection {
                    try await $0.script("SELECT pg_stat_reset_single_table_counters(\(table))")
                }
                return try await fixture.count("SELECT pg_stat_get_live_tuples(\(table))") == 0
            }
            let facts = try #require(
                try await PostgresCompactionStore(fixture.store).relations().first { $0.table == "embeddings_g1" }
            )
            #expect(facts.liveRows >= 400)
            #expect(try await fixture.count("SELECT count(*) FROM embeddings_g1") == facts.liveRows)
            let expected = try #require(facts.indexes.first(where: \.isGraph)?.expectedBytes)
            #expect(expected > 8_192 * 2)
            #expect(CompactionPolicy(leastIndexBytes: 1).steps([facts]) == [])
            // Of a table that nobody has counted it is not known what its graph takes.
            try await script(fixture, "CREATE TABLE fresh (LIKE embeddings_g1 INCLUDING ALL)")
            try await script(fixture, "DROP TABLE embeddings_g1; ALTER TABLE fresh RENAME TO embeddings_g1")
            let unknown = try #require(
                try await PostgresCompactionStore(fixture.store).relations().first { $0.table == "embeddings_g1" }
            )
            #expect(unknown.liveRows == 0 && unknown.indexes.contains { $0.isGraph && $0.expectedBytes == nil })
        }
    }

    @Test("leftovers are told from indexes by name and by being invalid; with pgstattuple its counts are taken")
    func leftovers() async throws {
        try await PipelineFixture.run { fixture in
            _ = try await fixture.ingest(try fixture.write("a.txt", "One.\n\nTwo."))
            let compaction = PostgresCompactionStore(fixture.store)
            try await script(fixture, "CREATE INDEX mine_ccnew ON chunks (ordinal)")
            try await script(fixture, "CREATE TABLE twice (n integer); INSERT INTO twice VALUES (1), (1)")
            // A unique index over equal rows fails and leaves itself behind, invalid.
            _ = try? await script(fixture, "CREATE UNIQUE INDEX CONCURRENTLY twice_ccnew1 ON twice (n)")
            _ = try await fixture.tasks.enqueue([try NewTask(CompactIndexInput(), tenant: .default)])
            let task = try #require(try await fixture.claim(.maintenance))
            #expect(try await compaction.dropLeftovers(fence: task.fence) == ["twice_ccnew1"])
            #expect(try await compaction.dropLeftovers(fence: task.fence) == [])
            #expect(try await fixture.count("SELECT count(*) FROM pg_class WHERE oid = to_regclass('mine_ccnew')") == 1)
            let stale = Fence(task: task.id, token: LeaseToken(rawValue: task.token.rawValue + 1))
            await #expect(throws: StaleLease.self) {
                _ = try await compaction.perform(.vacuum("chunks"), fence: stale)
            }
            try await script(
                fixture,
                """
                CREATE FUNCTION pgstattuple_approx(regclass, OUT dead_tuple_count bigint) LANGUAGE sql AS 'SELECT 77::bigint'
                """
            )
            #expect(try await compaction.relations().allSatisfy { $0.deadRows == 77 })
        }
    }

    @Test("outside of the quiet hours compaction waits for them, unless it is urgent")
    func quiet() async throws {
        try await PipelineFixture.run { fixture in
            let now = try await PostgresCompactionStore(fixture.store).time()
            let hour = Int(now % 86_400 / 3_600)
            var registry = HandlerRegistry()
            var maintenance = Maintenance(erasures: PostgresErasureStore(fixture.store), hints: nil, queues: { [] })
            maintenance.compaction = PostgresCompactionStore(fixture.store)
            let (from, to) = ((hour + 3) % 24, (hour + 4) % 24)
            maintenance.quietHours = try #require(QuietHours("\(from)-\(to)"))
            registry.registerMaintenance(maintenance)
            _ = try await fixture.drain()
            _ = try await fixture.tasks.enqueue([try NewTask(CompactIndexInput(), tenant: .default)])
            let verdict = try await fixture.perform(.maintenance, registry)
            guard case .snoozed(let delay, let reason)?? = verdict else {
                Issue.record("\(verdict as Any)")
                return
            }
            #expect(delay > .seconds(3_600) && delay <= .seconds(3 * 3_600) && reason.contains("quiet hours"))
            _ = try await fixture.tasks.enqueue([try NewTask(CompactIndexInput(isUrgent: true), tenant: .default)])
            guard case .completed?? = try await fixture.perform(.maintenance, registry) else {
                Issue.record("the urgent one waits")
                return
            }
        }
    }

    @Test("default schedules are added once, and left as operators leave them")
    func defaults() async throws {
        try await PipelineFixture.run { fixture in
            let store = fixture.store
            let entries = DefaultSchedules.entries(backsUp: true)
            let zones = TimeZones()
            let dry = try await store.installDefaultSchedules(entries, zones: zones, isDryRun: true)
            #expect(try await store.schedules(tenant: nil, limit: 100).isEmpty)
            let known = dry.filter { $0.result == .added }.count
            #expect(known >= 6 && dry.allSatisfy { $0.result != .kept })
            #expect(try await store.installDefaultSchedules(entries, zones: zones, isDryRun: false) == dry)
            let schedules = try await store.schedules(tenant: nil, limit: 100)
            #expect(schedules.count == known && schedules.allSatisfy { $0.name.rawValue.hasPrefix("sluice.") })
            #expect(schedules.allSatisfy { $0.overlap == .skip && $0.nextFireAt != nil && $0.problem == nil })
            let name = try #require(schedules.first?.name)
            _ = try await store.pauseSchedule(name, tenant: .default, reason: "not here")
            let again = try await store.installDefaultSchedules(entries, zones: zones, isDryRun: false)
            #expect(again.filter { $0.result == .kept }.count == known)
            #expect(try await store.schedule(name, tenant: .default).pauseReason == "not here")
        }
    }
}
