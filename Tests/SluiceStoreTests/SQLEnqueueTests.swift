import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("enqueue() in SQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct SQLEnqueueTests {
    /// Runs `SELECT … enqueue…` as a session of one tenant, with a search path that does not know the schema.
    private func enqueue(
        _ call: String,
        on store: Store,
        tenant: String? = "default",
        role: String? = nil
    ) async throws -> [TaskID] {
        var settings = [("search_path", "public"), ("sluice.tenant", tenant ?? "")]
        if let role { settings.append(("role", role)) }
        return try await store.pool.transaction(settings: settings) { transaction in
            try await transaction.query(
                Statement("SELECT \(store.schema).\(call)") { row throws(PostgresError) in
                    TaskID(rawValue: try row.int64(0))
                }
            )
        }
    }

    /// What the server tells the caller of a call that it refuses; nil when it does not refuse.
    ///
    /// `PostgresError` keeps no server's sentences, which may hold data.
    private func refusal(_ call: String, on store: Store, tenant: String? = "default") async throws -> String? {
        try await store.pool.transaction(settings: [("sluice.tenant", tenant ?? "")]) { transaction in
            try await transaction.script(
                """
                CREATE FUNCTION told(call text) RETURNS text LANGUAGE plpgsql AS $$
                BEGIN
                    EXECUTE 'SELECT ' || call;
                    RETURN NULL;
                EXCEPTION WHEN invalid_parameter_value OR foreign_key_violation THEN
                    RETURN SQLERRM;
                END $$
                """
            )
            let told = try await transaction.query(
                Statement("SELECT told($1)", [.text(call)]) { row throws(PostgresError) in try row.optionalText(0) }
            )
            try await transaction.script("DROP FUNCTION told")
            return told.first ?? nil
        }
    }

    private static let noop = TaskKind(trusted: "noop")

    @Test("the defaults of the kinds are those of their Swift types")
    func defaults() async throws {
        func expected<Input: TaskInput>(_: Input.Type) -> String {
            "\(Input.kind) \(Input.queue) \(Input.retry.maxAttempts) \(Int(Input.timeout.inSeconds)) \(Input.payloadVersion)"
        }
        try await withTestStore { store in
            let rows = try await store.pool.query(
                Statement(
                    """
                    SELECT concat_ws(' ', kind, queue, max_attempts, timeout_seconds, payload_version)
                    FROM kind_defaults ORDER BY kind
                    """
                ) { row throws(PostgresError) in try row.text(0) }
            )
            #expect(
                rows == [
                    expected(CreateBackupInput.self), expected(WarmCacheInput.self), expected(EmbedChunksInput.self),
                    expected(IngestDocumentInput.self), expected(CheckFreshnessInput.self),
                    expected(BuildIndexInput.self), expected(CompactIndexInput.self), expected(EmbedIndexInput.self),
                    expected(IsolateIndexInput.self), expected(RebuildIndexInput.self),
                    expected(RetireIndexInput.self), expected(VerifyIndexInput.self), expected(NoopInput.self),
                    expected(SweepRetentionInput.self), expected(RefreshStatisticsInput.self),
                ]
            )
        }
    }

    @Test("a row enqueued in SQL is the row that Swift enqueues")
    func sameRows() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let batch = try await store.createBatch(tenant: .default, label: "both").rawValue
            let pairs: [(String, NewTask)] = [
                (
                    "enqueue('noop', '{\"a\": 1}')",
                    NewTask(tenant: .default, queue: .maintenance, kind: Self.noop, payload: "{\"a\": 1}")
                ),
                (
                    "enqueue('noop')",
                    try NewTask(NoopInput(), tenant: .default)
                ),
                (
                    "enqueue('index.build', '{\"version\": 7}', batch => \(batch), priority => 0)",
                    try NewTask(BuildIndexInput(version: 7), tenant: .default, priority: 0, batch: BatchID(batch))
                ),
                (
                    """
                    enqueue('report.make', '[1]', queue => 'reports', unique_key => 'r1', priority => 9,
                        delay => '90 seconds', max_attempts => 2, timeout_seconds => 33, payload_version => 4)
                    """,
                    NewTask(
                        tenant: .default,
                        queue: QueueName(trusted: "reports"),
                        kind: TaskKind(trusted: "report.make"),
                        payload: "[1]",
                        payloadVersion: 4,
                        priority: 9,
                        delay: .seconds(90),
                        maxAttempts: 2,
                        timeout: .seconds(33),
                        uniqueKey: "r1"
                    )
                ),
                (
                    "enqueue('noop', run_at => now() + interval '1 hour')",
                    try NewTask(NoopInput(), tenant: .default, delay: .seconds(3_600))
                ),
            ]
            for (call, task) in pairs {
                let inSQL = try await store.stored(enqueue(call, on: store))
                // So that both may have the key.
                try await store.pool.execute(Statement("UPDATE tasks SET unique_key = NULL"))
                let inSwift = try await store.stored(tasks.enqueue([task]).map(\.id))
                #expect(inSQL.count == 1 && inSQL == inSwift, "\(call)")
            }
            let progress = try #require(try await store.batch(BatchID(batch), tenant: .default))
            #expect(progress.total == 2 && progress.pending == 2)
        }
    }

    @Test("a key in SQL means what it means in Swift", arguments: ConflictPolicy.allCases, [false, true])
    func policies(policy: ConflictPolicy, isRunning: Bool) async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let me = try await store.testWorker([.maintenance])
            func first(_ key: String) async throws -> TaskID {
                let task = try NewTask(NoopInput(), tenant: .default, uniqueKey: key)
                let id = try await tasks.enqueue([task])[0].id
                if isRunning { _ = try await tasks.claim([id], queue: .maintenance, worker: me) }
                return id
            }
            let (one, two) = (try await first("sql"), try await first("swift"))
            let inSQL = try await enqueue(
                """
                enqueue('noop', '{"n": 2}', unique_key => 'sql', priority => 1, delay => '5 s', timeout_seconds => 7,
                    queue => 'ingestion', on_conflict => '\(policy.rawValue)')
                """,
                on: store
            )
            let inSwift = try await tasks.enqueue([
                NewTask(
                    tenant: .default,
                    queue: .ingestion,
                    kind: Self.noop,
                    payload: "{\"n\": 2}",
                    priority: 1,
                    delay: .seconds(5),
                    timeout: .seconds(7),
                    uniqueKey: "swift",
                    onConflict: policy
                )
            ])
            #expect(inSQL == [one] && inSwift[0].id == two)
            #expect(inSwift[0].resolution == resolution(policy, isRunning))
            let rows = try await store.stored([one, two])
            #expect(rows[0].state == rows[1].state && rows[0].payload == rows[1].payload)
            #expect(rows[0].queue == rows[1].queue && rows[0].priority == rows[1].priority)
            #expect(rows[0].timeout == rows[1].timeout && rows[0].delay == rows[1].delay)
        }
    }

    private func resolution(_ policy: ConflictPolicy, _ isRunning: Bool) -> EnqueuedTask.Resolution {
        switch policy {
        case .keep: .kept
        case .replace: isRunning ? .keptRunning : .replaced
        case .reschedule: isRunning ? .keptRunning : .rescheduled
        }
    }

    @Test("many at once come back in order; keys among them are kept")
    func many() async throws {
        try await withTestStore { store in
            let plain = try await enqueue(
                "enqueue_many('noop', (SELECT array_agg(jsonb_build_object('n', n) ORDER BY n) FROM generate_series(1, 1000) AS n))",
                on: store
            )
            #expect(plain.count == 1_000 && plain == plain.sorted())
            let payloads = try await store.stored(plain).map(\.payload)
            #expect(payloads == (1...1_000).map { "{\"n\": \($0)}" })
            let keyed = try await enqueue(
                """
                enqueue_many('noop', ARRAY['1', '2', '3', '4']::jsonb[], unique_keys => ARRAY['a', 'b', NULL, 'a'],
                    on_conflict => 'replace')
                """,
                on: store
            )
            #expect(keyed[0] == keyed[3] && Set(keyed).count == 3)
            #expect(try await store.stored(keyed).map(\.payload) == ["4", "2", "3", "4"])
            #expect(try await enqueue("enqueue_many('noop', '{}')", on: store).isEmpty)
        }
    }

    @Test("a dead letter of the same key is taken over, as in Swift")
    func superseding() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let batch = try await store.createBatch(tenant: .default, label: "")
            let dead = try await tasks.enqueue([
                try NewTask(NoopInput(), tenant: .default, batch: batch, uniqueKey: "k")
            ])
            let me = try await store.testWorker([.maintenance])
            let claimed = try await tasks.claim(dead.map(\.id), queue: .maintenance, worker: me)
            _ = try await tasks.settle([Settlement(claimed[0].fence, .dead(.leaseLost))], worker: me)
            _ = try await enqueue("enqueue('noop', unique_key => 'k')", on: store)
            #expect(try await store.deadLetters(DeadLetterFilter(), limit: 10).isEmpty)
            let progress = try #require(try await store.batch(batch, tenant: .default))
            #expect(progress.dead == 0 && progress.cancelled == 1 && progress.finishedAt != nil)
        }
    }

    @Test(
        "what does not fit is refused with a sentence that says why",
        arguments: [
            ("enqueue('No Name')", "kind is not a valid name"),
            ("enqueue('mine')", "no default queue"),
            ("enqueue('noop', queue => 'A')", "queue is not a valid name"),
            ("enqueue('noop', priority => 10)", "priority must be 0 to 9"),
            ("enqueue('noop', max_attempts => 0)", "max_attempts"),
            ("enqueue('noop', timeout_seconds => 0)", "timeout_seconds"),
            ("enqueue('noop', NULL)", "a payload is NULL"),
            ("enqueue('noop', to_jsonb(repeat('x', 262143)))", "262145 bytes"),
            ("enqueue('noop', on_conflict => 'drop')", "on_conflict must be"),
            ("enqueue('noop', delay => '1 s', run_at => now())", "not both"),
            ("enqueue('noop', batch => 4711)", "has no batch 4711"),
            ("enqueue('noop', tenant => 'other')", "may not write for this tenant"),
            ("enqueue_many('noop', '{1,2}', unique_keys => '{a}')", "as many unique_keys"),
        ]
    )
    func refusals(call: String, sentence: String) async throws {
        try await withTestStore { store in
            let told = try #require(try await refusal(call, on: store))
            #expect(told.contains(sentence), "\(told)")
        }
    }

    @Test("a session that names no tenant enqueues nothing; the fleet's names one with each call")
    func tenants() async throws {
        try await withTestStore { store in
            for tenant in [nil, "*"] {
                let told = try await refusal("enqueue('noop')", on: store, tenant: tenant)
                #expect(told?.contains("no tenant") == true)
            }
            let id = try await enqueue("enqueue('noop', tenant => 'other')", on: store, tenant: "*")
            #expect(try await store.stored(id).map(\.tenant) == ["other"])
        }
    }

    @Test("a role with the enqueuer's grants enqueues everything and reads no payload")
    func enqueuer() async throws {
        let role = "sluice_application"
        try await withTestStore { store in
            try await store.pool.execute(Statement("SELECT sluice_grant_enqueue('\(role)')"))
            let batch = try await store.createBatch(tenant: .default, label: "")
            for policy in ConflictPolicy.allCases {
                for _ in 0..<2 {
                    _ = try await enqueue(
                        "enqueue('noop', unique_key => '\(policy)', on_conflict => '\(policy)', batch => \(batch))",
                        on: store,
                        role: role
                    )
                }
            }
            _ = try await enqueue("enqueue_many('noop', '{1,2}')", on: store, role: role)
            #expect(try await store.batch(batch, tenant: .default)?.total == 3)
            await #expect(throws: PostgresError.self) {
                try await store.pool.transaction(settings: [("role", role), ("sluice.tenant", "default")]) {
                    try await $0.query(
                        Statement("SELECT payload::text FROM tasks") { row throws(PostgresError) in try row.text(0) }
                    )
                }
            }
            await #expect(throws: PostgresError.self) {
                try await enqueue("enqueue('noop', tenant => 'other')", on: store, role: role)
            }
        }
    }

    @Test("what a transaction enqueued vanishes with it")
    func rollback() async throws {
        struct Abandoned: Error {}
        try await withTestStore { store in
            try? await store.pool.transaction { transaction in
                _ = try await transaction.query(
                    Statement("SELECT enqueue('noop', tenant => 'default')") { _ throws(PostgresError) in 0 }
                )
                throw Abandoned()
            }
            let counts = try await store.pool.query(
                Statement("SELECT count(*) FROM tasks") { row throws(PostgresError) in try row.int64(0) }
            )
            #expect(counts == [0])
        }
    }
}
