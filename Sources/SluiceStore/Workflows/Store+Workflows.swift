package import SluiceCore
package import SluicePostgres
package import SluiceQueue

/// What storing a workflow led to.
package struct EnqueuedWorkflow: Sendable {
    /// The outermost batch.
    package let batch: BatchID
    /// In the order of the plan: nodes of a batch, then those of the batches inside it.
    package let nodes: [Node]
    /// For hints, once the transaction has committed; those that wait are not available.
    package let tasks: [EnqueuedTask]

    package struct Node: Sendable, Equatable {
        package let batch: BatchID
        package let name: String
        package let task: TaskID?
        package let child: BatchID?
    }
}

extension Store {
    private static let enqueueBatch = 5_000

    /// Stores a workflow in one transaction: all of it, or nothing.
    package func enqueue(_ workflow: Workflow, tenant: TenantID) async throws -> EnqueuedWorkflow {
        try await pool.transaction { try await enqueue(workflow, tenant: tenant, in: $0) }
    }

    /// Stores a workflow inside the caller's transaction. Throws `WorkflowError` for what could never end, and where a live
    /// task has the unique key of one of its tasks: that one would not wait.
    package func enqueue(
        _ workflow: Workflow,
        tenant: TenantID,
        in transaction: PostgresTransaction
    ) async throws -> EnqueuedWorkflow {
        let plan = try WorkflowPlan(workflow)
        var batches: [BatchID] = []
        for batch in plan.batches {
            let parent = batch.parent.map { batches[$0] }
            let statement = WorkflowStatements.insertBatch(batch, tenant: tenant, parent: parent, root: batches.first)
            guard let id = try await transaction.query(statement).first else {
                throw PostgresError(.server, "no batch id came back")
            }
            batches.append(id)
        }
        let (tasks, stored) = try await storeTasks(plan, batches, tenant, in: transaction)
        let nodes = plan.nodes.enumerated().map { place, node in
            if case .batch(let child) = node.work {
                EnqueuedWorkflow.Node(batch: batches[node.batch], name: node.name, task: nil, child: batches[child])
            } else {
                EnqueuedWorkflow.Node(batch: batches[node.batch], name: node.name, task: stored[place]?.id, child: nil)
            }
        }
        try await storeNodes(plan, nodes, tenant, in: transaction)
        return EnqueuedWorkflow(batch: batches[0], nodes: nodes, tasks: tasks)
    }

    /// The tasks, and by their nodes' places.
    private func storeTasks(
        _ plan: WorkflowPlan,
        _ batches: [BatchID],
        _ tenant: TenantID,
        in transaction: PostgresTransaction
    ) async throws -> ([EnqueuedTask], [Int: EnqueuedTask]) {
        var places: [Int] = []
        var given: [NewTask] = []
        for (place, node) in plan.nodes.enumerated() {
            guard case .task(var task) = node.work else { continue }
            task.tenant = tenant
            task.batch = batches[node.batch]
            places.append(place)
            given.append(task)
        }
        var enqueued: [EnqueuedTask] = []
        for start in stride(from: 0, to: given.count, by: Self.enqueueBatch) {
            let part = Array(given[start..<min(start + Self.enqueueBatch, given.count)])
            enqueued += try await enqueue(part, in: transaction)
        }
        var held: [TaskID] = []
        var stored: [Int: EnqueuedTask] = [:]
        for (index, place) in places.enumerated() {
            let task = enqueued[index]
            if task.wasDuplicate {
                throw WorkflowError(
                    "node '\(plan.nodes[place].name)': task \(task.id) is live under the same unique key; wait for it or "
                        + "give the node another key"
                )
            }
            if !plan.nodes[place].isReleased {
                held.append(task.id)
                enqueued[index] = EnqueuedTask(
                    id: task.id,
                    wasDuplicate: false,
                    queue: task.queue,
                    isAvailable: false
                )
            }
            stored[place] = enqueued[index]
        }
        if !held.isEmpty { try await transaction.execute(WorkflowStatements.hold(held)) }
        return (enqueued, stored)
    }

    private func storeNodes(
        _ plan: WorkflowPlan,
        _ nodes: [EnqueuedWorkflow.Node],
        _ tenant: TenantID,
        in transaction: PostgresTransaction
    ) async throws {
        var ids = [Int64](repeating: 0, count: nodes.count)
        for start in stride(from: 0, to: nodes.count, by: Self.enqueueBatch) {
            let rows = (start..<min(start + Self.enqueueBatch, nodes.count)).map { place in
                let node = plan.nodes[place]
                var delay = Duration.zero
                if case .task(let task) = node.work { delay = task.delay }
                return WorkflowStatements.NodeRow(
                    batch: nodes[place].batch,
                    name: node.name,
                    task: nodes[place].task,
                    child: nodes[place].child,
                    isReleased: node.isReleased,
                    waitsFor: node.waitsFor,
                    delay: delay
                )
            }
            for row in try await transaction.query(WorkflowStatements.insertNodes(rows, tenant: tenant)) {
                ids[start + row.position - 1] = row.id
            }
        }
        let edges = plan.nodes.enumerated().flatMap { place, node in
            node.after.map { (from: ids[$0.node], to: ids[place], condition: $0.condition) }
        }
        for start in stride(from: 0, to: edges.count, by: Self.enqueueBatch) {
            let part = Array(edges[start..<min(start + Self.enqueueBatch, edges.count)])
            try await transaction.execute(WorkflowStatements.insertEdges(part, tenant: tenant))
        }
    }
}
