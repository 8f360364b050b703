import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Unique keys: keep, replace, reschedule", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct UniquePolicyTests {
    private func task(
        _ number: Int,
        key: String?,
        _ policy: ConflictPolicy,
        priority: Int = 5,
        delay: Duration = .zero,
        queue: QueueName = .ingestion
    ) -> NewTask {
        NewTask(
            tenant: .default,
            queue: queue,
            kind: TaskKind(trusted: "noop"),
            payload: "{\"n\": \(number)}",
            payloadVersion: number,
            priority: priority,
            delay: delay,
            maxAttempts: number,
            timeout: .seconds(number),
            uniqueKey: key,
            onConflict: policy
        )
    }

    @Test("a waiting task is kept, replaced or rescheduled", arguments: ConflictPolicy.allCases)
    func waiting(policy: ConflictPolicy) async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let first = try await tasks.enqueue([task(1, key: "k", .keep, delay: .seconds(60))])
            let second = try await tasks.enqueue([
                task(2, key: "k", policy, priority: 3, queue: .embedding), task(3, key: nil, policy),
            ])
            #expect(second[0].id == first[0].id && second[0].wasDuplicate)
            #expect(second[1].resolution == .created && second[1].isAvailable)
            let row = try #require(try await store.stored([first[0].id]).first)
            switch policy {
            case .keep:
                #expect(second[0].resolution == .kept && !second[0].isAvailable)
                #expect(row.payload == "{\"n\": 1}" && row.priority == 5 && row.state == "scheduled" && row.delay == 60)
            case .replace:
                #expect(second[0].resolution == .replaced && second[0].isAvailable && second[0].queue == .embedding)
                #expect(row.payload == "{\"n\": 2}" && row.priority == 3 && row.state == "available")
                #expect(row.queue == "embedding" && row.maxAttempts == 2 && row.timeout == 2 && row.payloadVersion == 2)
            case .reschedule:
                #expect(second[0].resolution == .rescheduled && second[0].isAvailable && second[0].queue == .ingestion)
                #expect(row.payload == "{\"n\": 1}" && row.priority == 3 && row.state == "available")
                #expect(row.queue == "ingestion" && row.maxAttempts == 1 && row.timeout == 1)
            }
        }
    }

    @Test(
        "a running task is left alone, and its worker may settle it meanwhile",
        arguments: [ConflictPolicy.replace, .reschedule]
    )
    func running(policy: ConflictPolicy) async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let first = try await tasks.enqueue([task(1, key: "k", .keep)])
            let me = try await store.testWorker([.ingestion])
            let claimed = try await tasks.claim(first.map(\.id), queue: .ingestion, worker: me)
            try await store.pool.transaction { transaction in
                let second = try await store.enqueue([task(2, key: "k", policy)], in: transaction)
                #expect(second[0].id == first[0].id && second[0].resolution == .keptRunning && !second[0].isAvailable)
                // Outside of the transaction, which is still open: it must not wait for it.
                #expect(try await tasks.settle([Settlement(claimed[0].fence, .completed)], worker: me).isEmpty)
            }
            let third = try await tasks.enqueue([task(3, key: "k", policy)])
            #expect(third[0].resolution == .created && third[0].id != first[0].id)
        }
    }

    @Test("a retryable task begins anew when replaced, and keeps its attempts when rescheduled")
    func retryable() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let ids = try await tasks.enqueue([task(5, key: "a", .keep), task(5, key: "b", .keep)]).map(\.id)
            let me = try await store.testWorker([.ingestion])
            let claimed = try await tasks.claim(ids, queue: .ingestion, worker: me)
            _ = try await tasks.settle(
                claimed.map { Settlement($0.fence, .retry(after: .seconds(600), .leaseLost)) },
                worker: me
            )
            _ = try await tasks.enqueue([
                task(6, key: "a", .replace, delay: .seconds(30)), task(6, key: "b", .reschedule, delay: .seconds(30)),
            ])
            let rows = try await store.stored(ids)
            #expect(rows.map(\.state) == ["scheduled", "retryable"])
            #expect(rows.map(\.attempt) == [0, 1])
            #expect(rows.allSatisfy { (29...31).contains($0.delay) })
        }
    }

    @Test("one key several times in one call: each in turn")
    func inOneCall() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let results = try await tasks.enqueue([
                task(1, key: "k", .keep), task(2, key: "k", .replace), task(3, key: "k", .keep),
                task(4, key: "x", .keep),
                task(5, key: "k", .reschedule, priority: 1, delay: .seconds(9)), task(6, key: nil, .replace),
            ])
            #expect(results.map(\.resolution) == [.created, .replaced, .kept, .created, .rescheduled, .created])
            #expect(Set([0, 1, 2, 4].map { results[$0].id }).count == 1)
            let row = try #require(try await store.stored([results[0].id]).first)
            #expect(row.payload == "{\"n\": 2}" && row.priority == 1 && row.state == "scheduled" && row.delay == 9)
        }
    }

    @Test("callers who enqueue the same keys at once leave one live task a key, and the last word is a whole one")
    func concurrent() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let me = try await store.testWorker([.ingestion])
            let ids = try await withThrowingTaskGroup(of: [EnqueuedTask].self) { group in
                for caller in 1...8 {
                    group.addTask {
                        var generator = SeededGenerator(seed: UInt64(caller))
                        var all: [EnqueuedTask] = []
                        for _ in 0..<20 {
                            let keys = (0..<10).shuffled(using: &generator)
                            let policy = ConflictPolicy.allCases.randomElement(using: &generator) ?? .keep
                            all += try await tasks.enqueue(keys.map { task(caller, key: "k\($0)", policy) })
                        }
                        return all
                    }
                }
                // Meanwhile they are claimed and settled.
                group.addTask {
                    for _ in 0..<60 {
                        let claimed = try await tasks.claimNext(queue: .ingestion, limit: 3, worker: me)
                        _ = try await tasks.settle(claimed.map { Settlement($0.fence, .completed) }, worker: me)
                    }
                    return []
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let live = try await store.pool.query(
                Statement("SELECT unique_key, (payload ->> 'n')::int8 = payload_version FROM tasks") {
                    row throws(PostgresError) in (try row.text(0), try row.bool(1))
                }
            )
            #expect(Set(live.map(\.0)).count == live.count)
            #expect(live.allSatisfy { $0.1 }, "payload and version are of one caller")
            // Every id that was created is live or archived, and no other exists.
            let known = try await store.pool.query(
                Statement("SELECT id FROM tasks UNION ALL SELECT id FROM tasks_archive") { row throws(PostgresError) in
                    TaskID(rawValue: try row.int64(0))
                }
            )
            #expect(Set(ids.map(\.id)) == Set(known))
            let created = ids.filter { $0.resolution == .created }
            #expect(created.count == known.count)
        }
    }
}
