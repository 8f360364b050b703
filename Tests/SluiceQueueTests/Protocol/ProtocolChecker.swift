/// Visits every reachable state of a protocol model, breadth first, so that the first run found into a violation is a
/// shortest one.
struct ProtocolChecker {
    struct Report {
        var states = 0
        var steps = 0
        var violations: Set<ProtocolModel.Violation> = []
        /// States in which both tasks are completed.
        var done = 0
    }

    let model: ProtocolModel
    /// Ends the search when a step broke this rule: wrong variants reach more states than need be seen.
    var stopsAt: ProtocolModel.Violation?

    func run() -> Report {
        var report = Report()
        var numbers: [ProtocolModel.State: Int32] = [model.initial: 0]
        var states = [model.initial]
        var predecessors: [[Int32]] = [[]]
        var next = 0
        while next < states.count {
            let state = states[next]
            for step in model.steps(from: state) {
                report.steps += 1
                if let violation = step.violation { report.violations.insert(violation) }
                let number = numbers[step.state] ?? Int32(states.count)
                if Int(number) == states.count {
                    numbers[step.state] = number
                    states.append(step.state)
                    predecessors.append([])
                }
                if !step.isHarm { predecessors[Int(number)].append(Int32(next)) }
            }
            next += 1
            if let stopsAt, report.violations.contains(stopsAt) { return report }
        }
        report.states = states.count
        report.done = states.count { $0.isDone }
        if loses(states, predecessors) { report.violations.insert(.lost) }
        return report
    }

    /// Whether from some state nothing leads to completion, although from here on nothing goes wrong any more.
    private func loses(_ states: [ProtocolModel.State], _ predecessors: [[Int32]]) -> Bool {
        var isFine = states.map { $0.isDone }
        var open = isFine.indices.filter { isFine[$0] }
        while let state = open.popLast() {
            for before in predecessors[state] where !isFine[Int(before)] {
                isFine[Int(before)] = true
                open.append(Int(before))
            }
        }
        return zip(states, isFine).contains { !$1 && !isSpent($0) }
    }

    /// The bounds of the model, not the protocol, end here: no claim is left for each open task, or nobody to make it.
    private func isSpent(_ state: ProtocolModel.State) -> Bool {
        let open = UInt8(state.tasks.count { $0.phase != .completed })
        let canClaim = (0..<model.incarnations).contains {
            state.leases[Int($0)] == .live && state.isAlive($0) && !state.network.contains(.retire($0))
        }
        return state.grants + open > model.grantLimit || !canClaim
    }
}
