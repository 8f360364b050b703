import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

/// The model against which PostgreSQL is compared, itself: every workflow of three nodes, under every policy and with every
/// condition, whatever its tasks come to, ends, and lets nobody go twice.
@Suite("The model of workflows")
struct WorkflowModelTests {
    private static func task(_ name: String) -> NewTask {
        NewTask(tenant: .default, queue: .ingestion, kind: TaskKind(trusted: "noop"), payload: "{}")
    }

    /// Edges from `before` to `after`, or none.
    private static let conditions: [Workflow.Condition?] = [nil, .onSuccess, .onFailure, .onComplete]

    @Test("three nodes, every edge, every policy, every end of every task", arguments: Workflow.DeadPolicy.allCases)
    func exhaustive(onDead: Workflow.DeadPolicy) throws {
        var seen = 0
        for first in Self.conditions {
            for second in Self.conditions {
                for third in Self.conditions {
                    for nested in [nil] + Workflow.DeadPolicy.allCases.map(Optional.some) {
                        let workflow = Self.workflow(onDead, first, second, third, nested)
                        seen += try Self.explore(WorkflowModel(try WorkflowPlan(workflow)), depth: 0)
                    }
                }
            }
        }
        #expect(seen > 1_000)
    }

    /// a, b after a, c after a and b; with `nested`, b is a batch of two tasks, one after the other.
    private static func workflow(
        _ onDead: Workflow.DeadPolicy,
        _ ab: Workflow.Condition?,
        _ ac: Workflow.Condition?,
        _ bc: Workflow.Condition?,
        _ nested: Workflow.DeadPolicy?
    ) -> Workflow {
        func edge(_ name: String, _ condition: Workflow.Condition?) -> [Workflow.Edge] {
            condition.map { [Workflow.Edge(name, $0)] } ?? []
        }
        let inner = nested.map {
            Workflow(
                onDead: $0,
                nodes: [
                    .init("x", .task(task("x"))), .init("y", .task(task("y")), after: [Workflow.Edge("x")]),
                ]
            )
        }
        return Workflow(
            onDead: onDead,
            nodes: [
                .init("a", .task(task("a"))),
                .init("b", inner.map { .batch($0) } ?? .task(task("b")), after: edge("a", ab)),
                .init("c", .task(task("c")), after: edge("a", ac) + edge("b", bc)),
            ]
        )
    }

    /// Follows every order of every end. Returns how many ways there are to the end.
    private static func explore(_ model: WorkflowModel, depth: Int) throws -> Int {
        for batch in model.plan.batches.indices {
            let counts = model.counts(batch)
            #expect(counts.total == counts.pending + counts.completed + counts.dead + counts.cancelled)
        }
        #expect(model.releases.allSatisfy { $0 <= 1 }, "let go twice")
        if model.outcome(0) != nil { return 1 }
        // Not over: something runs, or a dead letter blocks. Anything else would never end.
        #expect(!model.released.isEmpty || !model.dead.isEmpty, "stuck")
        var ways = 0
        for node in model.released {
            for end in [NodeState.completed, .dead, .cancelled] {
                var next = model
                next.end(node, as: end)
                ways += try explore(next, depth: depth + 1)
            }
        }
        if model.released.isEmpty {
            for node in model.dead {
                // Retried, it will complete; a second death would only come here again.
                var retried = model
                retried.retry(node)
                retried.end(node, as: .completed)
                ways += try explore(retried, depth: depth + 1)
                var purged = model
                purged.end(node, as: .cancelled)
                ways += try explore(purged, depth: depth + 1)
            }
        }
        return ways
    }

    @Test("random workflows end under random ends, retries, purges and cancellations", arguments: 0..<300)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var model = WorkflowModel(
            try WorkflowPlan(RandomWorkflow.make(using: &random, size: 8, depth: 3, task: Self.task))
        )
        for _ in 0..<1_000 where model.outcome(0) == nil {
            let running = model.released
            if let node = running.randomElement(using: &random) {
                model.end(node, as: [.completed, .completed, .dead, .cancelled].randomElement(using: &random) ?? .dead)
            } else {
                let dead = try #require(model.dead.randomElement(using: &random), "stuck")
                if Bool.random(using: &random) { model.retry(dead) } else { model.end(dead, as: .cancelled) }
            }
            if Int.random(in: 0..<40, using: &random) == 0 {
                model.cancel(
                    model.plan.batches.indices.randomElement(using: &random) ?? 0,
                    running: Set(model.released.prefix(1))
                )
            }
        }
        #expect(model.outcome(0) != nil)
        #expect(model.waiting.isEmpty)
        #expect(model.releases.allSatisfy { $0 <= 1 })
    }
}
