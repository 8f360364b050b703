import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceStore
import SluiceTestKit
import Testing

/// A stored workflow beside its model: what happens to one happens to the other.
struct WorkflowFixture {
    let store: Store
    let tasks: PostgresTaskStore
    let worker: WorkerID
    let enqueued: EnqueuedWorkflow
    var model: WorkflowModel

    init(_ store: Store, _ workflow: Workflow) async throws {
        self.store = store
        tasks = PostgresTaskStore(store)
        worker = try await ControlFixture.worker(tasks, lease: .seconds(600))
        enqueued = try await store.enqueue(workflow, tenant: .default)
        model = WorkflowModel(try WorkflowPlan(workflow))
    }

    static func task(_ name: String) -> NewTask {
        NewTask(
            tenant: .default,
            queue: .ingestion,
            kind: TaskKind(trusted: "noop"),
            payload: "{\"name\": \"\(name)\"}",
            maxAttempts: 3
        )
    }

    /// Names to tasks of one batch without inner ones; `a: ["b"]` means a comes after b.
    static func workflow(
        _ onDead: Workflow.DeadPolicy = .wait,
        _ nodes: [(String, [Workflow.Edge])]
    ) -> Workflow {
        Workflow(onDead: onDead, nodes: nodes.map { Workflow.Node($0.0, .task(task($0.0)), after: $0.1) })
    }

    func id(_ node: Int) throws -> TaskID { try #require(enqueued.nodes[node].task) }

    func claim(_ node: Int) async throws -> Fence {
        let claimed = try await tasks.claim([try id(node)], queue: .ingestion, worker: worker)
        return try #require(claimed.first, "node \(enqueued.nodes[node].name) is not available").fence
    }

    mutating func settle(_ node: Int, _ verdict: Settlement.Verdict) async throws {
        let stale = try await tasks.settle([Settlement(try await claim(node), verdict)], worker: worker)
        #expect(stale.isEmpty)
        switch verdict {
        case .completed: model.end(node, as: .completed)
        case .dead: model.end(node, as: .dead)
        case .cancelled: model.end(node, as: .cancelled)
        default: break
        }
    }

    mutating func retry(_ node: Int) async throws {
        let filter = DeadLetterFilter(TaskFilter(ids: [try id(node)]))
        #expect(try await store.retryDead(filter, limit: 1).count == 1)
        model.retry(node)
    }

    mutating func purge(_ node: Int) async throws {
        let filter = DeadLetterFilter(TaskFilter(ids: [try id(node)]))
        #expect(try await store.purgeDead(filter, limit: 1, reason: "purged") == 1)
        model.end(node, as: .cancelled)
    }

    func state(_ name: String) async throws -> NodeState? {
        guard let place = enqueued.nodes.firstIndex(where: { $0.name == name }) else { return nil }
        return try await states()[place]
    }

    /// In the order of the plan.
    func states() async throws -> [NodeState] {
        let rows = try await store.pool.query(
            Statement("SELECT batch_id, name, state FROM workflow_nodes") { row throws(PostgresError) in
                ("\(try row.int64(0))/\(try row.text(1))", NodeState(rawValue: try row.text(2)))
            }
        )
        let found = Dictionary(uniqueKeysWithValues: rows)
        return try enqueued.nodes.map { try #require(found["\($0.batch)/\($0.name)"] ?? nil) }
    }

    /// Batches in the order of the plan.
    var batches: [BatchID] {
        var ids = [BatchID](repeating: enqueued.batch, count: model.plan.batches.count)
        for (place, node) in model.plan.nodes.enumerated() {
            if case .batch(let child) = node.work, let id = enqueued.nodes[place].child { ids[child] = id }
        }
        return ids
    }

    /// Whether PostgreSQL says what the model says, and its counts are those of its rows.
    func agrees(_ note: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Bool {
        let states = try await states()
        let names = enqueued.nodes.map(\.name)
        guard states == model.states else {
            let differing = states.indices.filter { states[$0] != model.states[$0] }.map {
                "\(names[$0]) is \(states[$0]), should be \(model.states[$0])"
            }
            Issue.record("\(note): \(differing.joined(separator: "; "))", sourceLocation: sourceLocation)
            return false
        }
        for (place, id) in batches.enumerated() {
            let stored = try #require(try await store.batch(id, tenant: .default))
            let counts = model.counts(place)
            var found = WorkflowModel.Counts()
            (found.total, found.pending, found.completed) = (stored.total, stored.pending, stored.completed)
            (found.dead, found.cancelled, found.skipped) = (stored.dead, stored.cancelled, stored.skipped)
            guard found == counts, (stored.finishedAt != nil) == (model.outcome(place) != nil) else {
                Issue.record(
                    "\(note): batch \(place) counts \(found), should \(counts)",
                    sourceLocation: sourceLocation
                )
                return false
            }
        }
        let divergences = try await store.recount(archive: .seconds(3_600))
        #expect(divergences.isEmpty, "\(note): \(divergences)", sourceLocation: sourceLocation)
        let live = try await store.pool.query(
            Statement(
                "SELECT id FROM tasks WHERE state = 'available' OR state = 'scheduled' AND run_at < 'infinity' ORDER BY id"
            ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
        )
        let expected = try model.released.map { try id($0) }.sorted()
        #expect(live == expected, "\(note): live tasks", sourceLocation: sourceLocation)
        return divergences.isEmpty && live == expected
    }
}
