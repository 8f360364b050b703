import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Workflows on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(5)))
struct WorkflowTests {
    private typealias Edge = Workflow.Edge

    @Test("a chain goes on node by node; the workflow ends with the last")
    func chain() async throws {
        try await withTestStore { store in
            var fixture = try await WorkflowFixture(
                store,
                WorkflowFixture.workflow(.wait, [("c", [Edge("b")]), ("a", []), ("b", [Edge("a")])])
            )
            #expect(try await fixture.agrees("stored"))
            #expect(try await fixture.tasks.promoteDue(limit: 10).isEmpty, "waiting tasks are never due")
            for node in [1, 2, 0] {
                try await fixture.settle(node, .completed)
                #expect(try await fixture.agrees("after \(node)"))
            }
            let batch = try #require(try await store.batch(fixture.enqueued.batch, tenant: .default))
            #expect(batch.outcome == .completed && batch.finishedAt != nil)
        }
    }

    @Test("a dead node blocks under wait and goes on when its letter is retried or purged")
    func blocked() async throws {
        try await withTestStore { store in
            var fixture = try await WorkflowFixture(
                store,
                WorkflowFixture.workflow(.wait, [("a", []), ("b", [Edge("a")]), ("f", [Edge("a", .onFailure)])])
            )
            try await fixture.settle(0, .dead(.leaseLost))
            #expect(try await fixture.agrees("dead"))
            #expect(try await fixture.states() == [.dead, .waiting, .waiting])
            try await fixture.retry(0)
            try await fixture.settle(0, .dead(.leaseLost))
            try await fixture.purge(0)
            #expect(try await fixture.agrees("purged"))
            #expect(try await fixture.states() == [.cancelled, .cancelled, .released])
            try await fixture.settle(2, .completed)
            #expect(try #require(try await store.batch(fixture.enqueued.batch, tenant: .default)).outcome == .cancelled)
        }
    }

    @Test("callbacks follow the whole: success, failure and completion")
    func callbacks() async throws {
        try await withTestStore { store in
            for (onDead, verdict, expected) in [
                (.fail, .completed, [.released, .skipped, .released]),
                (.fail, .dead(.leaseLost), [.cancelled, .released, .released]),
                (.continue, .dead(.leaseLost), [.cancelled, .released, .released]),
                (.wait, .dead(.leaseLost), [.waiting, .waiting, .waiting]),
            ] as [(Workflow.DeadPolicy, Settlement.Verdict, [NodeState])] {
                var builder = WorkflowBuilder(label: "main", onDead: onDead)
                builder.task("only", WorkflowFixture.task("only"))
                for condition in [Workflow.Condition.onSuccess, .onFailure, .onComplete] {
                    builder.callback(condition, WorkflowFixture.task(condition.rawValue))
                }
                var fixture = try await WorkflowFixture(store, try builder.build())
                try await fixture.settle(try #require(fixture.model.released.first), verdict)
                #expect(fixture.model.states == (try await fixture.states()))
                #expect(Array(try await fixture.states()[1...3]) == expected, "\(onDead), \(verdict)")
            }
        }
    }

    @Test("a chain of 2,000 nodes is cancelled at once when its first fails: no stack is deep enough for recursion")
    func longChain() async throws {
        try await withTestStore { store in
            let nodes = (0..<2_000).map { ("n\($0)", $0 == 0 ? [] : [Edge("n\($0 - 1)")]) }
            var fixture = try await WorkflowFixture(store, WorkflowFixture.workflow(.fail, nodes))
            try await fixture.settle(0, .dead(.leaseLost))
            #expect(try await fixture.agrees("failed"))
            let batch = try #require(try await store.batch(fixture.enqueued.batch, tenant: .default))
            #expect(batch.outcome == .failed && batch.cancelled == 1_999 && batch.dead == 1)
        }
    }

    @Test("the delay of a node counts from its release; a held key and a bad plan are refused whole")
    func delaysAndKeys() async throws {
        try await withTestStore { store in
            var late = WorkflowFixture.task("late")
            late.delay = .seconds(3_600)
            var fixture = try await WorkflowFixture(
                store,
                Workflow(nodes: [
                    .init("a", .task(WorkflowFixture.task("a"))), .init("late", .task(late), after: [Edge("a")]),
                ])
            )
            try await fixture.settle(0, .completed)
            let task = try #require(try await store.task(fixture.id(1)))
            #expect(task.state == .scheduled && (task.runAt ?? 0) < Int64.max)
            var keyed = WorkflowFixture.task("k")
            keyed.uniqueKey = "k"
            _ = try await fixture.tasks.enqueue([keyed])
            await #expect(throws: WorkflowError.self) {
                _ = try await store.enqueue(Workflow(nodes: [.init("k", .task(keyed))]), tenant: .default)
            }
            #expect(try await store.batches(tenant: .default, limit: 10).count == 1)
        }
    }

    @Test("random workflows do what the model does, whatever happens to their tasks", arguments: 0..<10)
    func random(seed: UInt64) async throws {
        try await withTestStore { store in
            var random = SeededGenerator(seed: seed)
            for round in 0..<4 {
                let workflow = RandomWorkflow.make(using: &random, size: 7, task: WorkflowFixture.task)
                var fixture = try await WorkflowFixture(store, workflow)
                var note = "seed \(seed), round \(round), stored"
                guard try await fixture.agrees(note) else { return }
                for step in 0..<200 where fixture.model.outcome(0) == nil {
                    note = try await act(&fixture, &random, step)
                    guard try await fixture.agrees("seed \(seed), round \(round), step \(step): \(note)") else {
                        return
                    }
                }
                #expect(fixture.model.outcome(0) != nil, "seed \(seed): ends")
                #expect(fixture.model.releases.allSatisfy { $0 <= 1 })
                try await store.pool.execute(Statement("DELETE FROM tasks"))
                try await store.pool.execute(Statement("DELETE FROM dead_letters"))
                try await store.pool.execute(Statement("DELETE FROM batches"))
            }
        }
    }

    private func act(_ fixture: inout WorkflowFixture, _ random: inout SeededGenerator, _ step: Int) async throws
        -> String
    {
        let dice = Int.random(in: 0..<100, using: &random)
        if dice < 25, let node = fixture.model.dead.randomElement(using: &random) {
            if dice < 15 {
                try await fixture.retry(node)
                return "retry \(node)"
            }
            try await fixture.purge(node)
            return "purge \(node)"
        }
        if dice < 28 {
            let batch = fixture.model.plan.batches.indices.randomElement(using: &random) ?? 0
            _ = try await fixture.store.cancelBatch(fixture.batches[batch], tenant: .default, reason: "no")
            fixture.model.cancel(batch, running: [])
            return "cancel batch \(batch)"
        }
        guard let node = fixture.model.released.randomElement(using: &random) else {
            guard let dead = fixture.model.dead.first else { return "nothing" }
            try await fixture.retry(dead)
            return "retry \(dead)"
        }
        let verdict: Settlement.Verdict =
            dice < 50 ? .dead(.leaseLost) : dice < 60 ? .cancelled(reason: "no") : .completed
        try await fixture.settle(node, verdict)
        return "\(node) \(verdict)"
    }
}
