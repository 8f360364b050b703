import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Suspects of crashes on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct SuspectTests {
    private func orders(_ worker: WorkerID, _ store: Store) async throws -> ControlOrders {
        try await PostgresControlStore(store).exchange(worker, queues: [.ingestion], progress: [])
    }

    private func crash(_ worker: WorkerID, _ tasks: PostgresTaskStore, _ store: Store) async throws -> [RescuedTask] {
        try await ControlFixture.expire(worker, store)
        let term = try #require(try await tasks.lead(as: Self.leader, for: .seconds(60)))
        return try await tasks.rescue(limit: 100, term: term)
    }

    private static let leader = WorkerID.random()

    @Test("suspects are claimed by nobody who holds something, one at a time, and never by an ordinary claim")
    func claims() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let control = PostgresControlStore(store)
            let ids = try await tasks.enqueue((0..<4).map { _ in ControlFixture.task() }).map(\.id)
            let victim = try await ControlFixture.worker(tasks)
            _ = try await tasks.claim(Array(ids[0..<3]), queue: .ingestion, worker: victim)
            #expect(try await crash(victim, tasks, store).count == 3)
            for id in ids[0..<3] {
                let record = try #require(try await store.task(id))
                #expect(record.isSuspect && record.attempt == 0 && record.crashCount == 1 && record.state == .available)
            }
            let me = try await ControlFixture.worker(tasks)
            #expect(try await orders(me, store).hasSuspects)
            #expect(try await tasks.available(among: ids).map(\.id) == [ids[3]])
            #expect(try await tasks.claim(Array(ids[0..<3]), queue: .ingestion, worker: me).isEmpty)
            let innocent = try await tasks.claimNext(queue: .ingestion, limit: 10, worker: me)
            #expect(innocent.map(\.id) == [ids[3]])
            #expect(try await control.claimSuspect(queues: [.ingestion], worker: me) == nil, "it holds something")
            _ = try await tasks.settle([Settlement(innocent[0].fence, .completed)], worker: me)
            let first = try #require(try await control.claimSuspect(queues: [.ingestion], worker: me))
            #expect(first.id == ids[0] && first.attempt == 1 && first.crashCount == 1)
            #expect(try await control.claimSuspect(queues: [.ingestion], worker: me) == nil)
            #expect(try await control.claimSuspect(queues: [.embedding], worker: victim) == nil)
            // It failed, but its process did not: cleared.
            let failure = TaskFailure(errorClass: "a.b", message: "c")
            _ = try await tasks.settle([Settlement(first.fence, .retry(after: .zero, failure))], worker: me)
            #expect(try await store.task(ids[0])?.isSuspect == false)
            // Given back before its end: nothing is known.
            let second = try #require(try await control.claimSuspect(queues: [.ingestion], worker: me))
            _ = try await tasks.settle([Settlement(second.fence, .released(after: .zero, reason: "x"))], worker: me)
            #expect(try await store.task(second.id)?.isSuspect == true)
        }
    }

    @Test("as many workers are asked as there are suspects, at most half of them, always one")
    func turns() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let ids = try await tasks.enqueue((0..<3).map { _ in ControlFixture.task() }).map(\.id)
            let victim = try await ControlFixture.worker(tasks)
            _ = try await tasks.claim(ids, queue: .ingestion, worker: victim)
            _ = try await crash(victim, tasks, store)
            var workers: [WorkerID] = []
            for count in 1...9 {
                workers.append(try await ControlFixture.worker(tasks))
                var asked = 0
                for worker in workers where try await orders(worker, store).hasSuspects { asked += 1 }
                #expect(asked == max(1, min(3, count / 2)), "\(count) workers")
            }
        }
    }

    @Test("SQL judges as the model does", arguments: 0..<12)
    func model(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        let maxAttempts = Int.random(in: 1...4, using: &generator)
        let plan = (0..<12).map { _ in
            (isCrash: Int.random(in: 0..<3, using: &generator) > 0, company: Int.random(in: 1...3, using: &generator))
        }
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let control = PostgresControlStore(store)
            let id = try await tasks.enqueue([ControlFixture.task(attempts: maxAttempts)])[0].id
            var record = CrashJudgement.Record(attempt: 0, maxAttempts: maxAttempts)
            for step in plan {
                let worker = try await ControlFixture.worker(tasks)
                let held: ClaimedTask
                if record.isSuspect {
                    held = try #require(try await control.claimSuspect(queues: [.ingestion], worker: worker))
                } else {
                    // Company that is cleared at once afterwards, so that it is no suspect in the next step.
                    let company = try await tasks.enqueue((1..<step.company).map { _ in ControlFixture.task() }).map(
                        \.id
                    )
                    let claimed = try await tasks.claim([id] + company, queue: .ingestion, worker: worker)
                    held = try #require(claimed.first { $0.id == id })
                }
                record.attempt += 1
                #expect(held.id == id && held.attempt == record.attempt && held.crashCount == record.crashCount)
                guard step.isCrash else {
                    if record.attempt >= maxAttempts { return }
                    let failure = TaskFailure(errorClass: "a.b", message: "c")
                    _ = try await tasks.settle([Settlement(held.fence, .retry(after: .zero, failure))], worker: worker)
                    CrashJudgement.survived(&record)
                    try await ControlFixture.expire(worker, store)
                    _ = try await tasks.promoteDue(limit: 10)
                    try await discardOthers(id, store)
                    continue
                }
                let sentence = CrashJudgement.lost(&record, company: step.company)
                _ = try await crash(worker, tasks, store)
                let stored = try #require(try await store.task(id))
                switch sentence {
                case .suspect:
                    #expect(stored.state == .available && stored.isSuspect && stored.attempt == record.attempt)
                    #expect(stored.crashCount == record.crashCount)
                case .dead: #expect(stored.state == .dead && !stored.isQuarantined)
                case .quarantined: #expect(stored.state == .dead && stored.isQuarantined)
                }
                if sentence != .suspect {
                    if record.soloCrashes >= CrashJudgement.crashesToConvict {
                        #expect(stored.reason?.hasPrefix("worker.crashed: 2 worker processes ended") == true)
                        #expect(stored.reason?.contains("host 'test' with pid 1") == true)
                    }
                    return
                }
                try await discardOthers(id, store)
            }
        }
    }

    private func discardOthers(_ id: TaskID, _ store: Store) async throws {
        try await store.pool.execute(Statement("DELETE FROM tasks WHERE id <> $1", [.int8(id.rawValue)]))
    }
}
