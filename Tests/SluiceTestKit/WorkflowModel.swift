package import SluiceQueue

/// What a workflow should do, by definition instead of by events: after each step the states of all nodes and the counts of all
/// batches are derived anew, until nothing changes. Slow and plain: the oracle for what PostgreSQL does.
package struct WorkflowModel: Sendable {
    package struct Counts: Hashable, Sendable {
        package var total = 0
        package var pending = 0
        package var completed = 0
        package var dead = 0
        package var cancelled = 0
        package var skipped = 0

        package init() {}
    }

    package let plan: WorkflowPlan
    package private(set) var states: [NodeState]
    /// How often each node was let go; more than once is a fault.
    package private(set) var releases: [Int]
    package private(set) var isCancelRequested: [Bool]
    private let children: [[Int]]
    /// The node of each batch; nil for the outermost.
    private let nodeOf: [Int?]

    package init(_ plan: WorkflowPlan) {
        self.plan = plan
        states = plan.nodes.map { $0.isReleased ? .released : .waiting }
        releases = plan.nodes.map { $0.isReleased ? 1 : 0 }
        isCancelRequested = plan.batches.map { _ in false }
        var children = [[Int]](repeating: [], count: plan.batches.count)
        var nodeOf = [Int?](repeating: nil, count: plan.batches.count)
        for (place, node) in plan.nodes.enumerated() {
            children[node.batch].append(place)
            if case .batch(let child) = node.work { nodeOf[child] = place }
        }
        (self.children, self.nodeOf) = (children, nodeOf)
    }

    package func isTask(_ node: Int) -> Bool {
        if case .task = plan.nodes[node].work { true } else { false }
    }

    package var tasks: [Int] { plan.nodes.indices.filter(isTask) }
    package var released: [Int] { tasks.filter { states[$0] == .released } }
    package var dead: [Int] { tasks.filter { states[$0] == .dead } }
    package var waiting: [Int] { tasks.filter { states[$0] == .waiting } }

    package func counts(_ batch: Int) -> Counts {
        var counts = Counts()
        for child in children[batch] {
            counts.total += 1
            switch states[child] {
            case .waiting, .released: counts.pending += 1
            case .completed: counts.completed += 1
            case .dead: counts.dead += 1
            case .cancelled: counts.cancelled += 1
            case .skipped:
                counts.cancelled += 1
                counts.skipped += 1
            }
        }
        return counts
    }

    /// As a node is counted by its parent; nil while it is open.
    package func outcome(_ batch: Int) -> NodeState? {
        let counts = counts(batch)
        let waits = plan.batches[batch].onDead == .wait && !isCancelRequested[batch]
        if counts.pending > 0 || (counts.dead > 0 && waits) { return nil }
        if counts.dead > 0 { return isCancelRequested[batch] ? .cancelled : .dead }
        if counts.cancelled > counts.skipped { return .cancelled }
        return counts.skipped == counts.total ? .skipped : .completed
    }

    // MARK: - What happens to it

    /// A released or waiting task ends, or a dead one is given up.
    package mutating func end(_ node: Int, as state: NodeState) {
        states[node] = state
        settle()
    }

    package mutating func retry(_ node: Int) {
        states[node] = .released
        settle()
    }

    /// Requests the cancellation of a batch and all inside it; what does not run ends at once.
    ///
    /// - Parameter running: tasks that go on, and end later.
    package mutating func cancel(_ batch: Int, running: Set<Int>) {
        var inside = Set([batch])
        for (place, other) in plan.batches.enumerated() {
            if let parent = other.parent, inside.contains(parent) { inside.insert(place) }
        }
        for batch in inside { isCancelRequested[batch] = true }
        for (place, node) in plan.nodes.enumerated()
        where inside.contains(node.batch) && isTask(place) && !running.contains(place)
            && (states[place] == .waiting || states[place] == .released)
        {
            states[place] = .cancelled
        }
        settle()
    }

    // MARK: -

    private mutating func settle() {
        while settleOnce() {}
    }

    private mutating func settleOnce() -> Bool {
        for (batch, node) in nodeOf.enumerated() {
            guard let node else { continue }
            let outcome = outcome(batch)
            // One that was never let go has no end of its own, unless all in it was taken away.
            if outcome == nil && states[node] == .waiting { continue }
            if states[node] != outcome ?? .released {
                states[node] = outcome ?? .released
                return true
            }
        }
        for (place, node) in plan.nodes.enumerated() where states[place] == .waiting {
            if let outer = nodeOf[node.batch] {
                if states[outer] == .cancelled || states[outer] == .skipped {
                    drop(place, as: states[outer])
                    return true
                }
                if states[outer] == .waiting { continue }
            }
            let verdicts = node.after.map { verdict($0.condition, states[$0.node], plan.batches[node.batch].onDead) }
            if verdicts.contains(nil) { continue }
            if verdicts.contains(.failed) {
                drop(place, as: .cancelled)
            } else if verdicts.contains(.skipped) {
                drop(place, as: .skipped)
            } else {
                states[place] = .released
                releases[place] += 1
            }
            return true
        }
        return false
    }

    /// With all that waits inside of it.
    private mutating func drop(_ place: Int, as state: NodeState) {
        states[place] = state
        guard case .batch(let child) = plan.nodes[place].work else { return }
        for inner in children[child] where states[inner] == .waiting { drop(inner, as: state) }
    }

    private enum Verdict { case met, skipped, failed }

    private func verdict(_ condition: Workflow.Condition, _ state: NodeState, _ onDead: Workflow.DeadPolicy) -> Verdict?
    {
        switch (state, condition) {
        case (.waiting, _), (.released, _): nil
        case (.dead, _) where onDead == .wait: nil
        case (_, .onComplete): .met
        case (.completed, .onSuccess): .met
        case (.completed, .onFailure), (.skipped, _): .skipped
        case (.dead, .onFailure), (.cancelled, .onFailure): .met
        case (.dead, .onSuccess): onDead == .continue ? .met : .failed
        case (.cancelled, .onSuccess): .failed
        }
    }
}

/// Random workflows for tests.
package enum RandomWorkflow {
    /// - Parameter size: nodes of one batch at most.
    package static func make(
        using random: inout SeededGenerator,
        size: Int,
        depth: Int = 2,
        task: (String) -> NewTask
    ) -> Workflow {
        var workflow = Workflow(onDead: Workflow.DeadPolicy.allCases.randomElement(using: &random) ?? .wait)
        let count = Int.random(in: 1...size, using: &random)
        for number in 0..<count {
            let name = "n\(number)"
            let isBatch = depth > 0 && Int.random(in: 0..<4, using: &random) == 0
            let work: Workflow.Work =
                isBatch
                ? .batch(make(using: &random, size: max(1, size / 2), depth: depth - 1, task: task)) : .task(task(name))
            var after: [Workflow.Edge] = []
            for before in 0..<number where Int.random(in: 0..<3, using: &random) == 0 {
                let condition = Workflow.Condition.allCases.randomElement(using: &random) ?? .onSuccess
                after.append(Workflow.Edge("n\(before)", condition))
            }
            workflow.nodes.append(Workflow.Node(name, work, after: after))
        }
        workflow.nodes.shuffle(using: &random)
        return workflow
    }
}
