/// A batch whose children may wait for each other: tasks and batches inside, and the edges between them.
///
/// A value; nothing is stored until a store takes it, in one transaction. `validate` refuses what could never end.
package struct Workflow: Sendable {
    package var label: String
    /// What dead children mean to the batch and to what comes after them.
    package var onDead: DeadPolicy
    package var nodes: [Node]

    package init(label: String = "", onDead: DeadPolicy = .wait, nodes: [Node] = []) {
        self.label = label
        self.onDead = onDead
        self.nodes = nodes
    }

    package enum DeadPolicy: String, Sendable, CaseIterable, Codable {
        /// A dead child has not ended: what comes after it waits until the dead letter is retried or purged.
        case wait
        /// A dead child has failed: what needed its success is cancelled, and the batch fails.
        case fail
        /// A dead child has failed, and what comes after it runs all the same.
        case `continue`
    }

    /// When the end of one node counts for the next.
    package enum Condition: String, Sendable, CaseIterable, Codable {
        /// It completed; under `continue` also when it is dead.
        case onSuccess = "on_success"
        /// It is dead or was cancelled. Under `wait` a dead letter counts once it is purged.
        case onFailure = "on_failure"
        /// It ended in any way, or was skipped.
        case onComplete = "on_complete"
    }

    package struct Edge: Sendable, Hashable {
        package let node: String
        package let condition: Condition

        package init(_ node: String, _ condition: Condition = .onSuccess) {
            self.node = node
            self.condition = condition
        }
    }

    package enum Work: Sendable {
        /// Its tenant and batch are those of the workflow, whatever it says itself.
        case task(NewTask)
        case batch(Workflow)
    }

    package struct Node: Sendable {
        /// Unique in its batch.
        package var name: String
        package var work: Work
        /// Nodes of the same batch; all must have ended as their conditions say. Empty: it runs at once.
        package var after: [Edge]

        package init(_ name: String, _ work: Work, after: [Edge] = []) {
            self.name = name
            self.work = work
            self.after = after
        }
    }
}

/// Where a node of a workflow stands, as stored.
package enum NodeState: String, Sendable, CaseIterable, Codable {
    /// For the nodes before it.
    case waiting
    /// Its task may run, or what is in its batch may.
    case released
    case completed
    /// Its task is a dead letter, or its batch failed. Becomes released when that is retried.
    case dead
    /// By an operator, or because it needed the success of what failed.
    case cancelled
    /// Its condition did not come true, with no failure in it.
    case skipped
}
