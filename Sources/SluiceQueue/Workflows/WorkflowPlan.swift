/// A workflow laid out in flat lists, ready to be stored. Places in the lists stand for ids that do not exist yet.
package struct WorkflowPlan: Sendable {
    package struct Batch: Sendable {
        /// The batch in which this one is a child; nil for the outermost, which is the first. Always an earlier place.
        package let parent: Int?
        package let label: String
        package let onDead: Workflow.DeadPolicy
        /// Children that are batches.
        package let innerBatches: Int
    }

    package enum Work: Sendable {
        case task(NewTask)
        case batch(Int)
    }

    package struct Node: Sendable {
        package let batch: Int
        package let name: String
        package let work: Work
        package let after: [(node: Int, condition: Workflow.Condition)]
        /// True when it, and every batch that it is in, waits for nothing.
        package let isReleased: Bool
        /// Nodes that must end first, and one while the batch that it is in waits itself.
        package let waitsFor: Int
    }

    package private(set) var batches: [Batch] = []
    package private(set) var nodes: [Node] = []

    /// Checks the workflow, and lays it out.
    package init(_ workflow: Workflow) throws(WorkflowError) {
        try workflow.validate()
        lay(workflow, parent: nil, label: workflow.label, isReleased: true)
    }

    @discardableResult
    private mutating func lay(_ workflow: Workflow, parent: Int?, label: String, isReleased: Bool) -> Int {
        let batch = batches.count
        let inner = workflow.nodes.count { if case .batch = $0.work { true } else { false } }
        batches.append(Batch(parent: parent, label: label, onDead: workflow.onDead, innerBatches: inner))
        // Batches inside come after all nodes here, so that the places of these are known.
        let first = nodes.count
        var places: [String: Int] = [:]
        for (offset, node) in workflow.nodes.enumerated() { places[node.name] = first + offset }
        var pending: [(place: Int, node: Workflow.Node, inner: Workflow)] = []
        for (offset, node) in workflow.nodes.enumerated() {
            let after = node.after.compactMap { edge in places[edge.node].map { (node: $0, condition: edge.condition) }
            }
            let work: Work
            switch node.work {
            case .task(let task): work = .task(task)
            case .batch(let inner):
                work = .batch(-1)
                pending.append((first + offset, node, inner))
            }
            nodes.append(
                Node(
                    batch: batch,
                    name: node.name,
                    work: work,
                    after: after,
                    isReleased: isReleased && after.isEmpty,
                    waitsFor: after.count + (isReleased ? 0 : 1)
                )
            )
        }
        for (place, node, inner) in pending {
            let label = inner.label.isEmpty ? node.name : inner.label
            let child = lay(inner, parent: batch, label: label, isReleased: nodes[place].isReleased)
            nodes[place] = Node(
                batch: batch,
                name: node.name,
                work: .batch(child),
                after: nodes[place].after,
                isReleased: nodes[place].isReleased,
                waitsFor: nodes[place].waitsFor
            )
        }
        return batch
    }
}
