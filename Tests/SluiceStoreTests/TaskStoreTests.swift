import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Tasks on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct TaskStoreTests {
    private func task(_ number: Int, key: String? = nil, batch: BatchID? = nil, attempts: Int = 3) -> NewTask {
        NewTask(
            tenant: .default,
            queue: .ingestion,
            kind: TaskKind(trusted: "noop"),
            payload: "{\"n\": \(number)}",
            maxAttempts: attempts,
            batch: batch,
            uniqueKey: key
        )
    }

    private func worker(_ tasks: PostgresTaskStore, lease: Duration = .seconds(30)) async throws -> WorkerID {
        let id = WorkerID.random()
        try await tasks.register(
            WorkerRegistration(
                id: id,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: [.ingestion],
                concurrency: 4,
                leaseLength: lease
            )
        )
        return id
    }

    @Test("enqueue, claim, complete: the row moves to the archive")
    func wholeLife() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let enqueued = try await tasks.enqueue((0..<10).map { task($0) })
            #expect(enqueued.count == 10 && enqueued.allSatisfy { $0.isAvailable && !$0.wasDuplicate })
            let me = try await worker(tasks)
            let claimed = try await tasks.claim(enqueued.map(\.id), queue: .ingestion, worker: me)
            #expect(Set(claimed.map(\.id)) == Set(enqueued.map(\.id)))
            #expect(claimed.allSatisfy { $0.attempt == 1 })
            let stale = try await tasks.settle(claimed.map { Settlement($0.fence, .completed) }, worker: me)
            #expect(stale.isEmpty)
            let again = try await tasks.settle(claimed.map { Settlement($0.fence, .completed) }, worker: me)
            #expect(again.count == 10, "a second completion is stale")
            #expect(try await tasks.claimNext(queue: .ingestion, limit: 10, worker: me).isEmpty)
        }
    }

    @Test("two workers never hold the same task", arguments: [2, 8])
    func claimsAreDisjoint(workers: Int) async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let enqueued = try await tasks.enqueue((0..<300).map { task($0) })
            let claimed = try await withThrowingTaskGroup(of: [TaskID].self) { group in
                for _ in 0..<workers {
                    group.addTask {
                        let me = try await self.worker(tasks)
                        var mine: [TaskID] = []
                        while true {
                            let batch = try await tasks.claimNext(queue: .ingestion, limit: 7, worker: me)
                            if batch.isEmpty { return mine }
                            mine += batch.map(\.id)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(claimed.count == 300)
            #expect(Set(claimed) == Set(enqueued.map(\.id)))
        }
    }

    @Test(
        "every verdict is refused from a worker that lost its lease",
        arguments: [
            Settlement.Verdict.completed, .cancelled(reason: "x"), .dead(.leaseLost), .quarantined(.leaseLost),
            .discarded(.leaseLost),
            .retry(after: .seconds(1), .leaseLost),
            .snoozed(for: .seconds(1), reason: "x"), .released(after: .zero, reason: "x"),
        ]
    )
    func zombies(verdict: Settlement.Verdict) async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            _ = try await tasks.enqueue([task(0)])
            let zombie = try await worker(tasks)
            try await expire(zombie, store)
            let first = try await tasks.claimNext(queue: .ingestion, limit: 1, worker: zombie)
            #expect(first.isEmpty, "an expired lease claims nothing")
            let slow = try await worker(tasks)
            let held = try #require(try await tasks.claimNext(queue: .ingestion, limit: 1, worker: slow).first)
            try await expire(slow, store)
            let leader = WorkerID.random()
            let term = try #require(try await tasks.lead(as: leader, for: .seconds(15)))
            let rescued = try await tasks.rescue(limit: 10, term: term)
            #expect(rescued == [RescuedTask(id: held.id, queue: .ingestion, cause: .leaseLost, isDead: false)])
            #expect(try await tasks.settle([Settlement(held.fence, verdict)], worker: slow) == [held.fence])
            let next = try await worker(tasks)
            let again = try #require(try await tasks.claimNext(queue: .ingestion, limit: 1, worker: next).first)
            #expect(again.attempt == 2 && again.crashCount == 1 && again.token > held.token)
            #expect(try await tasks.renew(slow, report: report(), holding: []) == .expired)
        }
    }

    private func expire(_ worker: WorkerID, _ store: Store) async throws {
        try await store.pool.execute(
            Statement("UPDATE workers SET lease_expires_at = now() WHERE id = $1", [.uuid(worker)])
        )
    }

    private func report() -> WorkerReport {
        WorkerReport(
            state: .live,
            running: 0,
            residentBytes: 0,
            isDegraded: false,
            staleSettlements: 0,
            leaseLength: .seconds(15)
        )
    }

    @Test("a key is live once; its bearer's id comes back")
    func uniqueKeys() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let first = try await tasks.enqueue([task(0, key: "a"), task(1, key: "b"), task(2, key: "a")])
            #expect(
                first[2] == EnqueuedTask(id: first[0].id, wasDuplicate: true, queue: .ingestion, isAvailable: false)
            )
            let second = try await tasks.enqueue([task(3, key: "b"), task(4)])
            #expect(second[0].id == first[1].id && second[0].wasDuplicate && !second[1].wasDuplicate)
        }
    }

    @Test("attempts used up: dead letter, and the batch says so")
    func batches() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let batch = try await store.createBatch(tenant: .default, label: "test")
            _ = try await tasks.enqueue((0..<4).map { task($0, batch: batch) })
            let me = try await worker(tasks)
            let claimed = try await tasks.claimNext(queue: .ingestion, limit: 4, worker: me)
            let verdicts: [Settlement.Verdict] = [
                .completed, .dead(.leaseLost), .cancelled(reason: "no"), .retry(after: .zero, .leaseLost),
            ]
            _ = try await tasks.settle(zip(claimed, verdicts).map { Settlement($0.fence, $1) }, worker: me)
            var progress = try #require(try await store.batch(batch, tenant: .default))
            #expect(progress.total == 4 && progress.pending == 1 && progress.completed == 1)
            #expect(progress.dead == 1 && progress.cancelled == 1 && progress.finishedAt == nil)
            #expect(try await tasks.promoteDue(limit: 10)[.ingestion]?.count == 1)
            let last = try await tasks.claimNext(queue: .ingestion, limit: 4, worker: me)
            _ = try await tasks.settle(last.map { Settlement($0.fence, .completed) }, worker: me)
            #expect(try await store.retryDead(DeadLetterFilter(), limit: 10).count == 1)
            let retried = try await tasks.claimNext(queue: .ingestion, limit: 4, worker: me)
            #expect(retried.count == 1 && retried[0].attempt == 1)
            _ = try await tasks.settle(retried.map { Settlement($0.fence, .completed) }, worker: me)
            progress = try #require(try await store.batch(batch, tenant: .default))
            #expect(
                progress.pending == 0 && progress.dead == 0 && progress.completed == 3 && progress.finishedAt != nil
            )
        }
    }

    @Test("one leader at a time; its term advances with the holder only")
    func leadership() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let (first, second) = (WorkerID.random(), WorkerID.random())
            #expect(try await tasks.lead(as: first, for: .seconds(15)) == 1)
            #expect(try await tasks.lead(as: second, for: .seconds(15)) == nil)
            #expect(try await tasks.lead(as: first, for: .seconds(15)) == 1)
            try await tasks.resign(first)
            #expect(try await tasks.lead(as: second, for: .seconds(15)) == 2)
            #expect(try await tasks.rescue(limit: 10, term: 1).isEmpty)
        }
    }

    @Test("a tenant's scope sees its own rows only; no scope sees none, also as the tables' owner")
    func isolation() async throws {
        try await withTestStore { store in
            let acme = try #require(TenantID(rawValue: "acme"))
            try await store.ensureTenant(acme)
            var other = task(1)
            other.tenant = acme
            _ = try await PostgresTaskStore(store).enqueue([task(0), other])
            let count = Statement("SELECT count(*) FROM tasks") { row throws(PostgresError) in try row.int64(0) }
            #expect(try await store.pool.query(count) == [2])
            #expect(try await store.inTenant(acme) { try await $0.query(count) } == [1])
            let unscoped = try await store.pool.transaction(settings: [("sluice.tenant", "")]) {
                try await $0.query(count)
            }
            #expect(unscoped == [0])
            await #expect(throws: PostgresError.self) {
                try await store.inTenant(acme) { _ = try await store.enqueue([self.task(2)], in: $0) }
            }
        }
    }
}
