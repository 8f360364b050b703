import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Workflows under concurrent settlers", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct WorkflowFaultTests {
    private struct Abort: Error {}

    @Test("random workflows end whoever settles, however often transactions are cut off", arguments: 0..<4)
    func storm(seed: UInt64) async throws {
        try await withTestStore(poolSize: 12) { store in
            var random = SeededGenerator(seed: seed)
            var roots: [BatchID] = []
            for _ in 0..<12 {
                let workflow = RandomWorkflow.make(using: &random, size: 10, task: WorkflowFixture.task)
                roots.append(try await store.enqueue(workflow, tenant: .default).batch)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<6 {
                    let seed = seed &* 100 &+ UInt64(number)
                    group.addTask { [roots] in try await Self.settle(store, roots, seed) }
                }
                try await group.waitForAll()
            }
            for root in roots {
                let batch = try #require(try await store.batch(root, tenant: .default))
                #expect(batch.outcome != nil && batch.pending == 0)
            }
            #expect(try await store.recount(archive: .seconds(3_600)).isEmpty)
            let open = Statement("SELECT count(*) FROM workflow_nodes WHERE state IN ('waiting', 'released')") {
                row throws(PostgresError) in try row.int64(0)
            }
            #expect(try await store.pool.query(open) == [0])
            let twice = Statement("SELECT count(*) - count(DISTINCT id) FROM tasks_archive") {
                row throws(PostgresError) in try row.int64(0)
            }
            #expect(try await store.pool.query(twice) == [0])
        }
    }

    /// Works until all batches have ended. A deadlock is never met.
    private static func settle(_ store: Store, _ roots: [BatchID], _ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let tasks = PostgresTaskStore(store)
        let worker = try await ControlFixture.worker(tasks, lease: .seconds(600))
        while true {
            // Of one that met a deadlock claims are left, and nothing would ever end.
            try Task.checkCancellation()
            do {
                let claimed = try await tasks.claimNext(
                    queue: .ingestion,
                    limit: Int.random(in: 1...6, using: &random),
                    worker: worker
                )
                if claimed.isEmpty {
                    // Dead letters are all that may be left.
                    let filter = DeadLetterFilter()
                    if Bool.random(using: &random) {
                        _ = try await store.retryDead(filter, limit: 3)
                    } else {
                        _ = try await store.purgeDead(filter, limit: 2, reason: "given up")
                    }
                    var open = 0
                    for root in roots where try await store.batch(root, tenant: .default)?.outcome == nil { open += 1 }
                    if open == 0 { return }
                    await Task.yield()
                    continue
                }
                try await settle(claimed, store, tasks, worker, &random)
            } catch let error as PostgresError where error.sqlState == "40P01" {
                Issue.record("settlers waited for each other")
                throw error
            }
        }
    }

    private static func settle(
        _ claimed: [ClaimedTask],
        _ store: Store,
        _ tasks: PostgresTaskStore,
        _ worker: WorkerID,
        _ random: inout SeededGenerator
    ) async throws {
        var rest = claimed
        // One in the transaction of its effects, which is cut off half the time, as by kill -9.
        let first = rest.removeFirst()
        let isCut = Bool.random(using: &random)
        do {
            try await store.pool.transaction { transaction in
                try await store.complete(first.fence, in: transaction)
                if isCut { throw Abort() }
            }
        } catch is Abort {
            rest.append(first)
        }
        if rest.isEmpty { return }
        let settlements = rest.map { task in
            let dice = Int.random(in: 0..<10, using: &random)
            let verdict: Settlement.Verdict =
                switch dice {
                case 0, 1: .dead(.leaseLost)
                case 2: .cancelled(reason: "no")
                case 3: .released(after: .zero, reason: "later")
                default: .completed
                }
            return Settlement(task.fence, verdict)
        }
        #expect(try await tasks.settle(settlements, worker: worker).isEmpty)
    }
}

@Suite("Every way in which a task of a batch ends", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct BatchAccountingTests {
    @Test("is counted, and told to its node, by the same block", arguments: 0..<7)
    func ways(way: Int) async throws {
        try await withTestStore { store in
            let nodes: [(String, [Workflow.Edge])] = [("a", []), ("b", [Workflow.Edge("a", .onComplete)])]
            var workflow = WorkflowFixture.workflow(.wait, nodes)
            if case .task(var task) = workflow.nodes[0].work {
                task.uniqueKey = "a"
                workflow.nodes[0].work = .task(task)
            }
            var fixture = try await WorkflowFixture(store, workflow)
            switch way {
            case 0: try await fixture.settle(0, .completed)
            case 1: try await fixture.settle(0, .cancelled(reason: "no"))
            case 2:
                let fence = try await fixture.claim(0)
                try await store.pool.transaction { try await store.complete(fence, in: $0) }
                fixture.model.end(0, as: .completed)
            case 3:
                try await fixture.settle(0, .dead(.leaseLost))
                try await fixture.purge(0)
            case 4:
                // A new task of the same key takes the dead one's work over.
                try await fixture.settle(0, .dead(.leaseLost))
                var twin = WorkflowFixture.task("twin")
                twin.uniqueKey = "a"
                let other = try await fixture.tasks.enqueue([twin])
                fixture.model.end(0, as: .cancelled)
                try await store.pool.execute(
                    Statement("DELETE FROM tasks WHERE id = $1", [.int8(other[0].id.rawValue)])
                )
            case 5:
                // Rescued until its attempts are used up.
                _ = try await fixture.claim(0)
                try await store.pool.execute(
                    Statement("UPDATE tasks SET attempt = max_attempts WHERE state = 'running'")
                )
                try await ControlFixture.expire(fixture.worker, store)
                let term = try #require(try await fixture.tasks.lead(as: .random(), for: .seconds(15)))
                let rescued = try await fixture.tasks.rescue(limit: 10, term: term)
                #expect(rescued.map(\.isDead) == [true])
                fixture.model.end(0, as: .dead)
            default:
                _ = try await store.cancelBatch(fixture.enqueued.batch, tenant: .default, reason: "no")
                fixture.model.cancel(0, running: [])
            }
            #expect(try await fixture.agrees("way \(way)"))
        }
    }

    @Test("a running task of a cancelled batch is asked to stop, and the batch ends with it")
    func cancelRunning() async throws {
        try await withTestStore { store in
            var fixture = try await WorkflowFixture(
                store,
                WorkflowFixture.workflow(.wait, [("a", []), ("b", [Workflow.Edge("a")])])
            )
            let fence = try await fixture.claim(0)
            let done = try await store.cancelBatch(fixture.enqueued.batch, tenant: .default, reason: "no")
            #expect(done == BatchCancellation(cancelled: 1, asked: 1))
            fixture.model.cancel(0, running: [0])
            _ = try await fixture.tasks.settle([Settlement(fence, .cancelled(reason: "no"))], worker: fixture.worker)
            fixture.model.end(0, as: .cancelled)
            #expect(try await fixture.agrees("cancelled"))
            #expect(try await store.cancelBatch(BatchID(rawValue: 999), tenant: .default, reason: "no") == nil)
        }
    }

    @Test("bulk retry in chunks spreads by the rate; groups and cursors see all letters once")
    func bulk() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let worker = try await ControlFixture.worker(tasks)
            _ = try await tasks.enqueue((0..<25).map { WorkflowFixture.task("\($0)") })
            let claimed = try await tasks.claimNext(queue: .ingestion, limit: 25, worker: worker)
            let failures = claimed.indices.map {
                TaskFailure(errorClass: $0 < 20 ? "http" : "parse", message: "status \($0) from /a/b\($0)")
            }
            _ = try await tasks.settle(
                zip(claimed, failures).map { Settlement($0.fence, .dead($1)) },
                worker: worker
            )
            let groups = try await store.deadLetterGroups(DeadLetterFilter(), limit: 10)
            #expect(groups.map(\.count) == [20, 5])
            var seen: [TaskID] = []
            var filter = DeadLetterFilter(errorClass: "http")
            #expect(try await store.countDeadLetters(filter) == 20)
            while true {
                let page = try await store.deadLetters(filter, limit: 7)
                seen += page.map(\.id)
                guard page.count == 7, let last = page.last else { break }
                filter.after = DeadLetterCursor(text: DeadLetterCursor(last).description)
            }
            #expect(seen.count == 20 && Set(seen).count == 20)
            var next = DeadLetterFilter(fingerprint: groups[0].fingerprint)
            var raised: [RaisedTask] = []
            while true {
                let spacing = Duration.seconds(10)
                let chunk = try await store.raiseDead(next, limit: 8, spacing: spacing, delay: spacing * raised.count)
                raised += chunk.raised
                next.after = chunk.next
                if chunk.next == nil { break }
            }
            #expect(raised.count == 20 && raised.filter(\.isAvailable).count == 1)
            let spread = Statement("SELECT extract(epoch FROM max(run_at) - min(run_at))::float8 FROM tasks") {
                row throws(PostgresError) in try row.float8(0)
            }
            let seconds = try #require(try await store.pool.query(spread).first)
            #expect((188...195).contains(seconds), "19 steps of 10 s, not \(seconds)")
        }
    }
}
