import SluiceCore
import SluiceDocuments
import SluicePipeline
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

/// What needs a table for itself does not queue where it would keep others waiting behind it.
@Suite("Strong locks and those who read meanwhile", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(4)))
struct StrongLockTests {
    /// Runs `body` while another session holds a lock.
    private func holding<Value: Sendable>(
        _ lock: String,
        _ store: Store,
        isOld: Bool = false,
        _ body: () async throws -> Value
    ) async throws -> Value {
        try await store.pool.withConnection { connection in
            try await connection.script("BEGIN; \(lock)")
            if isOld {
                let age = Statement<Bool>("SELECT clock_timestamp() - now() > interval '1 s'") {
                    row throws(PostgresError) in try row.bool(0)
                }
                try await eventually("the transaction is old") { try await connection.query(age).first == true }
            }
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            try await connection.script("ROLLBACK")
            return try result.get()
        }
    }

    /// Runs `body`, and returns how often somebody was seen waiting for a lock on the table meanwhile.
    private func waits(on table: String, _ store: Store, _ body: @Sendable () async throws -> Void) async throws -> Int
    {
        let waiting = Statement<Int>(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = to_regclass($1)",
            [.text(table)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
        return try await withoutActuallyEscaping(body) { body in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                group.addTask {
                    try await body()
                    return nil
                }
                group.addTask {
                    var seen = 0
                    while !Task.isCancelled {
                        seen += (try? await store.pool.query(waiting).first) ?? 0
                        await Task.yield()
                    }
                    return seen
                }
                var seen = 0
                while let ended = try await group.next() {
                    if let ended { seen = ended } else { group.cancelAll() }
                }
                return seen
            }
        }
    }

    private func isRefused(_ body: () async throws -> Void) async throws -> Bool {
        do {
            try await body()
            return false
        } catch let error as PostgresError where error.code == .lockNotAvailable {
            return true
        }
    }

    @Test(
        "a version's table is not dropped while a vacuum or an old transaction is at chunks, and no search waits behind; then it is",
        arguments: [
            "LOCK TABLE chunks IN SHARE UPDATE EXCLUSIVE MODE", "SELECT FROM chunks LIMIT 1",
            "SELECT FROM chunks LIMIT 1 FOR KEY SHARE",
        ]
    )
    func retire(lock: String) async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let first = try await fixture.live()
            let version = try await fixture.rebuild()
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            let store = fixture.base.store
            let seen = try await holding(lock, store, isOld: !lock.hasPrefix("LOCK")) {
                try await waits(on: "chunks", store) {
                    let refused = try await isRefused {
                        _ = try await fixture.versions.retire(first.id, isForced: true, fence: nil)
                    }
                    #expect(refused)
                }
            }
            #expect(seen == 0, "it stood in the queue before searches")
            #expect(try await fixture.current(first).state == .retired)
            #expect(try await fixture.base.count("SELECT count(to_regclass('embeddings_g\(first.id)'))") == 1)
            #expect(try await fixture.versions.retire(first.id, isForced: true, fence: nil) == .dropped(uncached: 0))
            #expect(try await fixture.base.count("SELECT count(to_regclass('embeddings_g\(first.id)'))") == 0)
            #expect(try await fixture.isWhole(version))
        }
    }

    @Test("its task waits for as long as a vacuum takes, without using up attempts")
    func snooze() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let first = try await fixture.live()
            let version = try await fixture.rebuild()
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            _ = try await fixture.versions.advance(
                first.id,
                .retired,
                IndexVersionFacts(isForced: true),
                reason: nil,
                fence: nil
            )
            let store = fixture.base.store
            let due = Statement<Void>(
                "UPDATE tasks SET run_at = now(), state = 'available' WHERE kind = 'index.retire'"
            )
            try await store.pool.execute(due)
            try await holding("LOCK TABLE chunks IN SHARE UPDATE EXCLUSIVE MODE", store) {
                while try await fixture.perform(.maintenance) != nil {}
            }
            #expect(
                try await fixture.base.count(
                    "SELECT count(*) FROM tasks WHERE kind = 'index.retire' AND state = 'scheduled' AND attempt = 0"
                ) >= 1
            )
            try await store.pool.execute(due)
            while try await fixture.perform(.maintenance) != nil {}
            #expect(try await fixture.base.count("SELECT count(to_regclass('embeddings_g\(first.id)'))") == 0)
        }
    }

    @Test(
        "searches and ingests one after the other, longer than a search may be kept waiting, keep nobody from dropping it"
    )
    func busy() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let first = try await fixture.live()
            let version = try await fixture.rebuild()
            _ = try await fixture.versions.swap(to: version.id, fence: nil)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        while !Task.isCancelled { _ = try await fixture.base.count("SELECT count(*) FROM chunks") }
                    }
                }
                // As those that go live: the index's lock together, then chunks, until the commit.
                let ingest = Statement<Void>(
                    """
                    WITH index AS MATERIALIZED (
                        SELECT pg_advisory_xact_lock_shared(hashtextextended(current_schema() || '/index/' || id, 0)) FROM indexes
                    ) SELECT FROM index
                    """
                )
                for _ in 0..<2 {
                    group.addTask {
                        while !Task.isCancelled {
                            try await fixture.base.store.pool.transaction { transaction in
                                try await transaction.execute(ingest)
                                try await transaction.script("DELETE FROM chunks WHERE false; SELECT pg_sleep(0.12)")
                            }
                        }
                    }
                }
                let end = try await fixture.versions.retire(first.id, isForced: true, fence: nil)
                #expect(end == .dropped(uncached: 0))
                group.cancelAll()
            }
        }
    }

    @Test("with partitions: cut off between two of them, the next attempt drops the others")
    func partitions() async throws {
        try await RebuildFixture.run { fixture in
            try await fixture.ingest("big.txt", 0..<30, of: .big)
            try await fixture.ingest("mid.txt", 0..<20, of: .mid)
            let change = IndexVersionChange(partitions: .by(PartitionPolicy(above: 1, atMost: 2)))
            let version = try await fixture.rebuild(change)
            _ = try await fixture.versions.advance(
                version.id,
                .aborted,
                IndexVersionFacts(),
                reason: nil,
                fence: nil
            )
            let table = "embeddings_g\(version.id)"
            let store = fixture.base.store
            let refused = try await holding("SELECT FROM ONLY \(table)_p2 LIMIT 1", store) {
                try await isRefused { _ = try await fixture.versions.retire(version.id, isForced: false, fence: nil) }
            }
            #expect(refused)
            try await store.pool.withConnection { try await $0.script("DROP TABLE IF EXISTS \(table)_p1") }
            // Chunks that go, and the statistics, pass over what is left of it.
            _ = try await fixture.delete(fixture.base.folder + "/mid.txt")
            _ = try await fixture.versions.retire(version.id, isForced: false, fence: nil)
            #expect(try await fixture.scalar("SELECT count(*) FROM pg_class WHERE relname LIKE '\(table)%'") == 0)
        }
    }

    @Test("a new version's table, which refers to chunks, waits for a vacuum beside the ingests")
    func begin() async throws {
        try await RebuildFixture.run { fixture in
            _ = try await fixture.ingest("a.txt", RebuildFixture.prose(0..<10))
            let version = try await fixture.versions.create(in: .default, IndexVersionChange(), completing: nil)
            let store = fixture.base.store
            let seen = try await holding("LOCK TABLE chunks IN SHARE UPDATE EXCLUSIVE MODE", store) {
                try await waits(on: "chunks", store) {
                    let refused = try await isRefused {
                        _ = try await fixture.versions.advance(
                            version.id,
                            .began,
                            IndexVersionFacts(),
                            reason: nil,
                            fence: nil
                        )
                    }
                    #expect(refused)
                }
            }
            #expect(seen == 0)
            try await fixture.settle()
            #expect(try await fixture.current(version).state == .ready)
        }
    }

    @Test("days of the archive come and go beside a backup that reads it; what lies in no day goes by its age")
    func archive() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            func count(_ sql: String) async throws -> Int {
                try await store.pool.query(
                    Statement<Int>(sql) { row throws(PostgresError) in Int(try row.int64(0)) }
                ).first ?? 0
            }
            func days() async throws -> Int {
                try await count("SELECT count(*) FROM pg_inherits WHERE inhparent = 'tasks_archive'::regclass")
            }
            func row(_ when: String) -> String {
                """
                INSERT INTO tasks_archive (
                    id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload, created_at, finished_at
                ) VALUES (1, 'default', 'q', 'k', 'completed', 1, 0, 1, '{}', now(), \(when));
                """
            }
            try await store.pool.withConnection { connection in
                try await connection.script(
                    "SELECT sluice_add_archive_day((now() AT TIME ZONE 'UTC')::date - 100); "
                        + row("now() - interval '100 days'") + row("now() - interval '99 days'")
                        + row("now() - interval '20 days'")
                            + """
                            DO $$ BEGIN
                                EXECUTE 'DROP TABLE tasks_archive_' || to_char((now() AT TIME ZONE 'UTC')::date + 3, 'YYYYMMDD');
                            END $$;
                            """
                )
            }
            let before = try await days()
            let retention = Duration.seconds(30 * 86_400)
            let seen = try await holding("SELECT FROM tasks_archive LIMIT 1", store, isOld: true) {
                try await waits(on: "tasks_archive", store) {
                    let report = try await tasks.prune(retention: retention, term: 1)
                    #expect(report.partitionsCreated == 0 && report.partitionsDropped == 0)
                }
            }
            #expect(seen == 0, "settles would have waited behind it")
            #expect(try await days() == before)
            let report = try await tasks.prune(retention: retention, term: 1)
            #expect(report.partitionsCreated == 1 && report.partitionsDropped == 1)
            #expect(try await days() == before)
            #expect(try await count("SELECT count(*) FROM tasks_archive") == 1)
            #expect(try await tasks.prune(retention: retention, term: 1) == PruneReport())
        }
    }

    @Test("words that nobody has are left for the next time while the table is vacuumed")
    func words() async throws {
        try await PipelineFixture.run { fixture in
            let uri = try fixture.write("a.txt", "ledger of the harbour")
            _ = try await fixture.ingest(uri)
            try fixture.write("a.txt", "something else")
            _ = try await fixture.ingest(uri)
            let upkeep = PostgresUpkeepStore(fixture.store)
            let count = "SELECT count(*) FROM words WHERE word IN ('ledger', 'harbour')"
            #expect(try await fixture.count(count) == 2)
            let seen = try await holding("LOCK TABLE words IN SHARE UPDATE EXCLUSIVE MODE", fixture.store) {
                try await waits(on: "words", fixture.store) {
                    let step = try await upkeep.removeUnusedWords(from: 0)
                    #expect(step.removed == 0)
                }
            }
            #expect(seen == 0)
            #expect(try await fixture.count(count) == 2)
            _ = try await upkeep.removeUnusedWords(from: 0)
            #expect(try await fixture.count(count) == 0)
        }
    }

    @Test("compaction watches every table that documents wear out")
    func watched() async throws {
        try await PipelineFixture.run { fixture in
            _ = try await fixture.ingest(try fixture.write("a.txt", "ledger of the harbour"))
            let tables = Set(try await PostgresCompactionStore(fixture.store).relations().map(\.table))
            #expect(
                tables.isSuperset(of: [
                    "chunks", "chunk_terms", "documents", "document_texts", "document_facets", "words", "word_grams",
                    "term_frequencies", "embeddings_g1",
                ])
            )
            #expect(
                try await fixture.count(
                    "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relam = "
                        + "(SELECT oid FROM pg_am WHERE amname = 'gin') AND reloptions::text NOT LIKE '%gin_pending_list_limit%'"
                ) == 0,
                "a GIN index whose pending list every lookup reads: see m0050"
            )
        }
    }
}
