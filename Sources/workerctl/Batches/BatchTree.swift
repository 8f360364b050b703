internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

/// A batch with the nodes of its workflow, as a tree of text.
enum BatchTree {
    /// Nodes shown of one batch; of a large one the others are counted.
    static let shownNodes = 50

    static func render(_ batch: BatchProgress, _ nodes: [WorkflowNode], _ blockers: Int) -> String {
        var text = "batch \(batch.id)  \(Table.printable(batch.label))\n"
        text += "  state      \(BatchRow.state(of: batch, blockedBy: blockers))\n"
        text += "  children   \(batch.total): \(batch.pending) pending, \(batch.completed) completed, "
        text += "\(batch.dead) dead, \(batch.cancelled) cancelled"
        text += batch.skipped > 0 ? " (\(batch.skipped) skipped)\n" : "\n"
        if batch.isWorkflow {
            text += "  dead ones  \(batch.onDead)\n  nodes\n"
            let inside = Dictionary(grouping: nodes, by: \.batch)
            text += lines(batch.id, inside, indent: "    ")
        }
        return text
    }

    private static func lines(_ batch: BatchID, _ inside: [BatchID: [WorkflowNode]], indent: String) -> String {
        var text = ""
        let nodes = inside[batch] ?? []
        for node in nodes.prefix(shownNodes) {
            text += "\(indent)\(Colour.bold(Table.printable(node.name)))  \(coloured(node.state))"
            if let task = node.task { text += "  task \(task)" }
            if let child = node.child {
                text += "  batch \(child): \(node.pending) pending, \(node.completed) completed, \(node.dead) dead, "
                text += "\(node.cancelled) cancelled"
            }
            if !node.after.isEmpty { text += Table.printable("  after \(node.after.joined(separator: ", "))") }
            text += "\n"
            if let child = node.child { text += lines(child, inside, indent: indent + "    ") }
        }
        if nodes.count > shownNodes { text += "\(indent)… and \(Format.count(nodes.count - shownNodes)) more\n" }
        return text
    }

    private static func coloured(_ state: NodeState) -> String {
        switch state {
        case .completed: Colour.green(state.rawValue)
        case .dead: Colour.red(state.rawValue)
        case .cancelled: Colour.yellow(state.rawValue)
        case .waiting, .skipped: Colour.dim(state.rawValue)
        case .released: state.rawValue
        }
    }
}

struct WorkflowNodeRow: Encodable {
    let batch: String
    let name: String
    let state: String
    @Explicit var task: String?
    @Explicit var child: String?
    let after: [String]

    init(_ node: WorkflowNode) {
        batch = "\(node.batch)"
        name = node.name
        state = node.state.rawValue
        _task = Explicit(wrappedValue: node.task.map { "\($0)" })
        _child = Explicit(wrappedValue: node.child.map { "\($0)" })
        after = node.after
    }
}
