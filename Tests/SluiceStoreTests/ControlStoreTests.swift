import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Control of attempts on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct ControlStoreTests {
    private struct Fleet {
        let store: Store
        let tasks: PostgresTaskStore
        let control: PostgresControlStore
        let me: WorkerID

        func claim(_ ids: [TaskID]) async throws -> [ClaimedTask] {
            try await tasks.claim(ids, queue: .ingestion, worker: me)
        }

        func exchange(_ progress: [ProgressReport] = [], as worker: WorkerID? = nil) async throws -> ControlOrders {
            try await control.exchange(worker ?? me, queues: [.ingestion], progress: progress)
        }

        func sweep() async throws {
            let term = try await tasks.lead(as: me, for: .seconds(60))
            _ = try await tasks.rescue(limit: 10, term: term ?? 0)
        }
    }

    private func withFleet(_ body: (Fleet) async throws -> Void) async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let me = try await ControlFixture.worker(tasks)
            try await body(Fleet(store: store, tasks: tasks, control: PostgresControlStore(store), me: me))
        }
    }

    // MARK: - Progress

    @Test("progress is seen while the attempt runs, and refused from a worker that lost its lease")
    func progress() async throws {
        try await withFleet { fleet in
            let id = try await fleet.tasks.enqueue([ControlFixture.task()])[0].id
            let first = try #require(try await fleet.claim([id]).first)
            #expect(try await fleet.store.task(id)?.progress == nil)
            _ = try await fleet.exchange([ProgressReport(fence: first.fence, done: 3, total: 9, message: "a\0b")])
            let seen = try #require(try await fleet.store.task(id)?.progress)
            #expect(seen.done == 3 && seen.total == 9 && seen.message == "ab")
            _ = try await fleet.tasks.settle(
                [Settlement(first.fence, .released(after: .zero, reason: "x"))],
                worker: fleet.me
            )
            let second = try #require(try await fleet.claim([id]).first)
            #expect(try await fleet.store.task(id)?.progress == nil, "another attempt's word is not shown")
            _ = try await fleet.exchange([ProgressReport(fence: first.fence, done: 8, total: nil, message: "stale")])
            #expect(try await fleet.store.task(id)?.progress == nil, "a stale worker wrote progress")
            _ = try await fleet.exchange([ProgressReport(fence: second.fence, done: 1, total: nil, message: nil)])
            #expect(try await fleet.store.task(id)?.progress?.done == 1)
        }
    }

    @Test("progress rewrites rows in place")
    func hot() async throws {
        try await withFleet { fleet in
            let id = try await fleet.tasks.enqueue([ControlFixture.task()])[0].id
            let held = try #require(try await fleet.claim([id]).first)
            for step in 0..<20 {
                _ = try await fleet.exchange([ProgressReport(fence: held.fence, done: step, total: 20, message: "s")])
            }
            // Statistics of a session reach the view when it pleases; the line pointers of the page tell at once: a row that
            // moved within its page keeps one index entry.
            let entries = try await fleet.store.pool.query(
                Statement("SELECT count(*) FROM tasks WHERE id = $1 AND progress_done = 19", [.int8(id.rawValue)]) {
                    row throws(PostgresError) in try row.int64(0)
                }
            )
            #expect(entries == [1])
        }
    }

    // MARK: - Cancelling

    @Test("waiting tasks end at once and the batch knows; a running one is asked and ends as its worker says")
    func cancel() async throws {
        try await withFleet { fleet in
            let batch = try await fleet.store.createBatch(tenant: .default, label: "test")
            var later = ControlFixture.task(batch: batch)
            later.delay = .seconds(3_600)
            let new = (0..<3).map { _ in ControlFixture.task(batch: batch) } + [later]
            let ids = try await fleet.tasks.enqueue(new).map(\.id)
            let held = try await fleet.claim([ids[0], ids[1]])
            let report = try await fleet.store.cancel(TaskFilter(batch: batch), reason: "not wanted")
            #expect(Set(report.cancelled) == [ids[2], ids[3]] && Set(report.asked) == [ids[0], ids[1]])
            #expect(try await fleet.store.task(ids[3])?.reason == "not wanted")
            #expect(try await fleet.store.task(ids[3])?.state == .cancelled)
            var progress = try #require(try await fleet.store.batch(batch, tenant: .default))
            #expect(progress.cancelled == 2 && progress.pending == 2 && progress.finishedAt == nil)
            let orders = try await fleet.exchange()
            #expect(orders.cancelled == Dictionary(uniqueKeysWithValues: held.map { ($0.fence, "not wanted") }))
            #expect(try await fleet.store.cancel(TaskFilter(batch: batch), reason: "again") == CancelReport())
            _ = try await fleet.tasks.settle(
                [
                    Settlement(held[0].fence, .cancelled(reason: "not wanted")),
                    Settlement(held[1].fence, .completed),
                ],
                worker: fleet.me
            )
            progress = try #require(try await fleet.store.batch(batch, tenant: .default))
            #expect(progress.cancelled == 3 && progress.completed == 1 && progress.finishedAt != nil)
            #expect(try await fleet.exchange().cancelled.isEmpty)
        }
    }

    @Test("a task that was to be cancelled never runs again when its worker fails, dies or gives it back")
    func cancelledForGood() async throws {
        try await withFleet { fleet in
            let ids = try await fleet.tasks.enqueue((0..<3).map { _ in ControlFixture.task() }).map(\.id)
            let held = try await fleet.claim(ids).sorted { $0.id < $1.id }
            _ = try await fleet.store.cancel(TaskFilter(ids: ids), reason: "no")
            let failure = TaskFailure(errorClass: "a.b", message: "c")
            _ = try await fleet.tasks.settle(
                [
                    Settlement(held[0].fence, .retry(after: .seconds(60), failure)),
                    Settlement(held[1].fence, .released(after: .zero, reason: "x")),
                ],
                worker: fleet.me
            )
            try await ControlFixture.expire(fleet.me, fleet.store)
            let leader = try await ControlFixture.worker(fleet.tasks)
            let term = try #require(try await fleet.tasks.lead(as: leader, for: .seconds(60)))
            _ = try await fleet.tasks.rescue(limit: 10, term: term)
            for id in ids { #expect(try await fleet.store.task(id)?.state == .cancelled) }
            #expect(try await fleet.store.attempts(of: ids[0]).first?.errorClass == "a.b", "every error is kept")
        }
    }

    // MARK: - Verdicts

    @Test("discarded: settled, its error kept; quarantined: a dead letter apart")
    func discardAndQuarantine() async throws {
        try await withFleet { fleet in
            let batch = try await fleet.store.createBatch(tenant: .default, label: "test")
            let ids = try await fleet.tasks.enqueue((0..<2).map { _ in ControlFixture.task(batch: batch) }).map(\.id)
            let held = try await fleet.claim(ids).sorted { $0.id < $1.id }
            let failure = TaskFailure(errorClass: "a.b", message: "why")
            let verdicts = [
                Settlement(held[0].fence, .discarded(failure)), Settlement(held[1].fence, .quarantined(failure)),
            ]
            #expect(try await fleet.tasks.settle(verdicts, worker: fleet.me).isEmpty)
            #expect(try await fleet.tasks.settle(verdicts, worker: fleet.me).count == 2, "stale the second time")
            let discarded = try #require(try await fleet.store.task(ids[0]))
            #expect(discarded.state == .cancelled && discarded.reason == "discarded: a.b: why")
            #expect(try await fleet.store.attempts(of: ids[0]).map(\.errorClass) == ["a.b"])
            let quarantined = try #require(try await fleet.store.task(ids[1]))
            #expect(quarantined.state == .dead && quarantined.isQuarantined)
            let progress = try #require(try await fleet.store.batch(batch, tenant: .default))
            #expect(progress.pending == 0 && progress.cancelled == 1 && progress.dead == 1)
            #expect(try await fleet.store.tasks(TaskFilter(states: [.dead], isQuarantined: true), limit: 9).count == 1)
            #expect(try await fleet.store.retryDead(DeadLetterFilter(), limit: 9).isEmpty, "not by a bulk retry")
            var all = DeadLetterFilter()
            all.includesQuarantined = true
            #expect(try await fleet.store.retryDead(all, limit: 9).map(\.id) == [ids[1]])
        }
    }

    // MARK: - Operators

    @Test("snooze, retry, priority: waiting tasks only, each as its state allows")
    func actions() async throws {
        try await withFleet { fleet in
            let ids = try await fleet.tasks.enqueue((0..<3).map { _ in ControlFixture.task() }).map(\.id)
            let held = try await fleet.claim([ids[0], ids[1]]).sorted { $0.id < $1.id }
            let failure = TaskFailure(errorClass: "a.b", message: "c")
            _ = try await fleet.tasks.settle(
                [Settlement(held[0].fence, .retry(after: .seconds(60), failure))],
                worker: fleet.me
            )
            #expect(Set(try await fleet.store.snooze(ids, for: .seconds(600))) == [ids[0], ids[2]])
            #expect(try await fleet.store.task(ids[0])?.state == .retryable)
            #expect(try await fleet.store.task(ids[2])?.state == .scheduled)
            #expect(try await fleet.store.task(ids[2])?.attempt == 0)
            #expect(try await fleet.store.hurry(TaskFilter(ids: ids), all: false).map(\.id) == [ids[0]])
            #expect(try await fleet.store.hurry(TaskFilter(ids: ids), all: true).map(\.id) == [ids[2]])
            #expect(try await fleet.claim(ids).count == 2)
            let more = try await fleet.tasks.enqueue([ControlFixture.task(), ControlFixture.task()]).map(\.id)
            #expect(try await fleet.store.prioritize([more[1]], 1) == [more[1]])
            #expect(try await fleet.store.prioritize([more[1]], 1) == [])
            #expect(
                try await fleet.tasks.claimNext(queue: .ingestion, limit: 1, worker: fleet.me).map(\.id) == [more[1]]
            )
        }
    }

    @Test("requests reach the worker they are made to, until it is gone; eviction gives everything back at no cost")
    func workers() async throws {
        try await withFleet { fleet in
            let other = try await ControlFixture.worker(fleet.tasks)
            #expect(try await fleet.exchange().request == nil)
            #expect(try await fleet.store.ask(fleet.me, .quiet))
            #expect(try await fleet.exchange().request == .quiet)
            #expect(try await fleet.exchange(as: other).request == nil)
            #expect(try await fleet.store.findWorkers("\(fleet.me)".prefix(8).description) == [fleet.me])
            #expect(Set(try await fleet.store.findWorkers("all")) == [fleet.me, other])
            #expect(try await fleet.store.findWorkers("test:1").count == 2)
            #expect(try await fleet.store.workers().count == 2)

            let id = try await fleet.tasks.enqueue([ControlFixture.task()])[0].id
            let held = try #require(try await fleet.claim([id]).first)
            #expect(try await fleet.store.evict(fleet.me))
            #expect(try await fleet.store.evict(fleet.me) == false)
            #expect(try await fleet.store.ask(fleet.me, .drain) == false)
            #expect(
                try await fleet.tasks.settle([Settlement(held.fence, .completed)], worker: fleet.me) == [held.fence]
            )
            let again = try #require(try await fleet.tasks.claim([id], queue: .ingestion, worker: other).first)
            #expect(again.attempt == 1 && again.crashCount == 0, "an eviction is no crash")
        }
    }
}
