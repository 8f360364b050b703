import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Sealed payloads on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct SealedPayloadTests {
    private static let old = "old:\(PayloadKeysTests.old)"
    private static let new = "new:\(PayloadKeysTests.new)"

    /// The same schema, as a process with these keys sees it.
    private func with<Value: Sendable>(
        _ keys: String,
        on store: Store,
        _ body: (Store) async throws -> Value
    ) async throws -> Value {
        let other = Store(
            configuration: PostgresConfiguration(
                url: try TestServers.requireDatabaseURL(),
                applicationName: "sluice-test",
                poolSize: 3
            ),
            schema: store.schema,
            payloadKeys: try PayloadKeys(keys),
            logger: TestServers.quiet
        )
        defer { other.close() }
        return try await body(other)
    }

    private func payloads(_ table: String, _ store: Store) async throws -> [String] {
        try await store.pool.query(
            Statement("SELECT payload::text FROM \(table) ORDER BY id") { row throws(PostgresError) in try row.text(0) }
        )
    }

    private func embed(_ version: Int64) throws -> NewTask {
        try NewTask(EmbedChunksInput(document: 7, version: version, first: 0, last: 9), tenant: .default)
    }

    @Test("the table holds the seal and the routing fields, a claim the payload, the dead letter the seal again")
    func life() async throws {
        try await withTestStore { plain in
            try await with(Self.old, on: plain) { store in
                let tasks = PostgresTaskStore(store)
                let ids = try await tasks.enqueue([
                    try embed(12), try NewTask(BuildIndexInput(version: 3), tenant: .default),
                ])
                let stored = try await payloads("tasks", store)
                #expect(stored.allSatisfy { $0.contains(#""$sealed": "old:"#) && !$0.contains("document") })
                #expect(stored[0].contains(#""version": 12"#) && !stored[1].contains("version"))
                let me = try await store.testWorker([.embedding])
                let claimed = try await tasks.claim([ids[0].id], queue: .embedding, worker: me)
                #expect(claimed[0].payload == #"{"document":7,"first":0,"last":9,"version":12}"#)
                #expect(claimed[0].payloadFault == nil)
                _ = try await tasks.settle([Settlement(claimed[0].fence, .dead(.leaseLost))], worker: me)
                let window = try await store.pool.query(
                    Statement(
                        "SELECT id FROM dead_letters WHERE kind = 'chunks.embed' AND (payload ->> 'version')::bigint = 12"
                    ) { row throws(PostgresError) in try row.int64(0) }
                )
                #expect(window == [ids[0].id.rawValue])
                #expect(try await payloads("dead_letters", store)[0].contains("$sealed"))
                // Raised again, it is as it was.
                _ = try await store.retryDead(DeadLetterFilter(), limit: 10)
                #expect(try await tasks.claimNext(queue: .embedding, limit: 1, worker: me)[0].payloadFault == nil)
            }
        }
    }

    @Test("without the key a claim says so; moved to another tenant, or changed, it does not open")
    func faults() async throws {
        try await withTestStore { plain in
            let ids = try await with(Self.old, on: plain) { store in
                try await PostgresTaskStore(store).enqueue([try embed(1), try embed(2), try embed(3)]).map(\.id)
            }
            try await plain.pool.execute(
                Statement("UPDATE tasks SET tenant_id = 'other' WHERE id = $1", [.int8(ids[1].rawValue)])
            )
            try await plain.pool.execute(
                Statement(
                    "UPDATE tasks SET payload = jsonb_set(payload, '{$sealed}', '\"old:AAAA\"') WHERE id = $1",
                    [.int8(ids[2].rawValue)]
                )
            )
            let me = try await plain.testWorker([.embedding])
            let locked = try await PostgresTaskStore(plain).claim([ids[0]], queue: .embedding, worker: me)
            #expect(locked.map(\.payloadFault) == [.noKey("old")])
            try await with("\(Self.new),\(Self.old)", on: plain) { store in
                let claimed = try await PostgresTaskStore(store).claim(Array(ids[1...]), queue: .embedding, worker: me)
                #expect(claimed.map(\.payloadFault) == [.notAuthentic("old"), .notAuthentic("old")])
            }
        }
    }

    @Test("a payload cannot pretend to be sealed")
    func reserved() async throws {
        try await withTestStore { store in
            var task = try embed(1)
            task.payload = #"{"a": 1, "$sealed": "x"}"#
            await #expect(throws: TaskFailure.self) { try await PostgresTaskStore(store).enqueue([task]) }
        }
    }

    @Test("rotation seals live tasks and dead letters anew, in steps, and leaves what it cannot open")
    func rotation() async throws {
        try await withTestStore { plain in
            // Some sealed with the old key, one never sealed, one with a key that nobody has.
            _ = try await with(Self.old, on: plain) { store in
                try await PostgresTaskStore(store).enqueue(try (1...7).map { try embed($0) })
            }
            _ = try await PostgresTaskStore(plain).enqueue([try embed(8)])
            _ = try await with("lost:\(PayloadKeysTests.old)", on: plain) { store in
                try await PostgresTaskStore(store).enqueue([try embed(9)])
            }
            let me = try await plain.testWorker([.embedding])
            let dying = try await PostgresTaskStore(plain).claimNext(queue: .embedding, limit: 2, worker: me)
            _ = try await PostgresTaskStore(plain).settle(
                dying.map { Settlement($0.fence, .dead(.leaseLost)) },
                worker: me
            )
            try await with("\(Self.new),\(Self.old)", on: plain) { store in
                var (resealed, locked, steps) = (0, 0, 0)
                for table in SealedTable.allCases {
                    var after: TaskID?
                    repeat {
                        let step = try await store.reseal(table, after: after, limit: 3)
                        resealed += step.resealed
                        locked += step.locked
                        steps += 1
                        after = step.next
                    } while after != nil
                }
                #expect(resealed == 8 && locked == 1 && steps == 5)
                #expect(try await store.reseal(.deadLetters, after: nil, limit: 10).resealed == 0)
            }
            try await with(Self.new, on: plain) { store in
                let claimed = try await PostgresTaskStore(store).claimNext(queue: .embedding, limit: 10, worker: me)
                #expect(claimed.count == 7 && claimed.count(where: { $0.payloadFault == nil }) == 6)
                _ = try await store.retryDead(DeadLetterFilter(), limit: 10)
                let raised = try await PostgresTaskStore(store).claimNext(queue: .embedding, limit: 10, worker: me)
                #expect(raised.count == 2 && raised.allSatisfy { $0.payloadFault == nil })
                let routed = try await payloads("tasks", store).filter { $0.contains(#""version": "#) }
                #expect(routed.count == 9)
            }
        }
    }
}
