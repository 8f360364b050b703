/// Claim, renew, expire, rescue, settle and retire as a state machine over what the database, the workers and the network
/// hold. Time has no numbers: a lease may expire, a message arrive or be lost, a process die at any moment, so every timing
/// is covered. Two workers, each with two incarnations; two tasks.
struct ProtocolModel: Sendable {
    /// What stands between this and the real protocol. All but the first are wrong on purpose: they show what each rule is
    /// for, and that the checker can fail.
    enum Variant: CaseIterable, Sendable {
        case asBuilt
        /// Settle by the task's id alone.
        case noFence
        /// Settle by task and attempt number, which snoozes and releases give back.
        case attemptFence
        /// A task that is claimed again keeps the token that it had.
        case tokenKept
        /// A renewal revives a lease that has run out.
        case lateRenewal
        /// The rescuer takes what it saw expired some time ago, without looking again.
        case rescueByTimeOnly
        /// Nobody looks for tasks of workers that are gone.
        case noRescue
        /// A worker's renewals do not tell it of claims whose answers it never got.
        case noStrays
    }

    /// What one claim granted. `serial` is the checker's own: which grant this was, whatever the token says.
    struct Grant: Hashable, Comparable {
        var task: UInt8
        var worker: UInt8
        var token: UInt8
        var attempt: UInt8
        var serial: UInt8

        static func < (left: Grant, right: Grant) -> Bool { left.serial < right.serial }
    }

    enum Message: Hashable {
        case complete(Grant)
        case release(Grant)
        case renew(UInt8)
        case retire(UInt8)
        /// Only in `rescueByTimeOnly`: the rescuer's decision on its way to the row.
        case take(UInt8)
    }

    enum Phase: Hashable { case available, running, completed }

    struct TaskRow: Hashable {
        var phase = Phase.available
        var owner: UInt8 = 0
        var token: UInt8 = 0
        var attempt: UInt8 = 0
        /// The last grant.
        var serial: UInt8 = 0
        var greatestToken: UInt8 = 0
        var completions: UInt8 = 0

        /// What the row held besides is of no more interest.
        mutating func complete() {
            self = TaskRow(phase: .completed, completions: min(2, completions + 1))
        }

        mutating func giveBack(refunded: Bool) {
            phase = .available
            owner = 0
            if refunded, attempt > 0 { attempt -= 1 }
        }
    }

    enum Lease: Hashable { case none, live, expired, lost, stopped }

    struct State: Hashable {
        var tasks: [TaskRow]
        /// By incarnation: worker + 2 · generation.
        var leases: [Lease] = [.live, .live, .none, .none]
        /// Bit by incarnation: the process is there, and may act at any time, also when its lease is gone.
        var alive: UInt8 = 0b0011
        /// What processes believe to hold.
        var held: Set<Grant> = []
        var network: Set<Message> = []
        var grants: UInt8 = 0

        func isAlive(_ worker: UInt8) -> Bool { alive & (1 << worker) != 0 }
        var isDone: Bool { tasks.allSatisfy { $0.phase == .completed } }
    }

    /// A rule that a step broke.
    enum Violation: Hashable, Sendable {
        case completedTwice, settledByOldGrant, tokenNotGreater, takenFromLiveLease
        /// A state from which some task can never be completed.
        case lost
    }

    struct Step {
        var state: State
        var violation: Violation?
        /// A death, a loss, a lease that runs out although its process lives: what may happen, and what nobody may need.
        var isHarm = false
    }

    let variant: Variant
    /// Claims in one run; a state that has used them up is not asked for progress.
    var grantLimit: UInt8 = 3
    /// Messages under way at once.
    var networkLimit = 1
    /// Incarnations in all, 2...4: the first two workers' own, then the second ones.
    var incarnations: UInt8 = 3

    var taskCount: UInt8 = 2

    var initial: State { State(tasks: [TaskRow](repeating: TaskRow(), count: Int(taskCount))) }

    /// Everything that may happen next.
    func steps(from state: State) -> [Step] {
        var result: [Step] = []
        for worker in 0..<incarnations where state.leases[Int(worker)] != .none {
            workerSteps(worker, state, &result)
        }
        for task in 0..<taskCount { rescuerSteps(task, state, &result) }
        for message in state.network {
            var rest = state
            rest.network.remove(message)
            // Lost; and arrived.
            result.append(Step(state: rest, isHarm: true))
            result.append(arrival(message, rest))
        }
        return result
    }

    // MARK: - Workers

    private func workerSteps(_ worker: UInt8, _ state: State, _ result: inout [Step]) {
        let lease = state.leases[Int(worker)]
        if lease == .live {
            var expired = state
            expired.leases[Int(worker)] = .expired
            result.append(Step(state: expired, isHarm: state.isAlive(worker)))
        }
        guard state.isAlive(worker) else { return }
        if lease == .live { for task in 0..<taskCount { claim(task, worker, state, &result) } }
        for grant in state.held where grant.worker == worker {
            send(.complete(grant), state, &result)
            send(.release(grant), state, &result)
        }
        if variant != .noStrays {
            for (task, row) in state.tasks.enumerated() where row.phase == .running && row.owner == worker {
                let stray = Grant(
                    task: UInt8(task),
                    worker: worker,
                    token: row.token,
                    attempt: row.attempt,
                    serial: row.serial
                )
                if !state.held.contains(stray) { send(.release(stray), state, &result) }
            }
        }
        // As built it changes nothing: a live lease may last anyway, and one that has run out is never extended.
        if variant == .lateRenewal { send(.renew(worker), state, &result) }
        if lease != .stopped { send(.retire(worker), state, &result) }
        // kill -9: what it held and what it had not sent is gone; what is on its way may still arrive.
        var dead = state
        dead.alive &= ~(1 << worker)
        dead.held = dead.held.filter { $0.worker != worker }
        if worker + 2 < incarnations, dead.leases[Int(worker) + 2] == .none {
            dead.leases[Int(worker) + 2] = .live
            dead.alive |= 1 << (worker + 2)
        }
        result.append(Step(state: dead, isHarm: true))
        // The lease is gone and noticed: a new incarnation in the same process, whose old handlers may still run.
        if worker + 2 < incarnations, lease != .live, state.leases[Int(worker) + 2] == .none {
            var anew = state
            anew.leases[Int(worker) + 2] = .live
            anew.alive |= 1 << (worker + 2)
            result.append(Step(state: anew))
        }
    }

    private func send(_ message: Message, _ state: State, _ result: inout [Step]) {
        guard state.network.count < networkLimit, !state.network.contains(message) else { return }
        var next = state
        next.network.insert(message)
        result.append(Step(state: next))
    }

    private func claim(_ task: UInt8, _ worker: UInt8, _ state: State, _ result: inout [Step]) {
        var row = state.tasks[Int(task)]
        guard row.phase == .available, state.grants < grantLimit else { return }
        var next = state
        next.grants += 1
        row.phase = .running
        row.owner = worker
        row.attempt += 1
        row.serial = next.grants
        row.token = variant == .tokenKept && row.token > 0 ? row.token : next.grants
        let isGreater = row.token > row.greatestToken
        row.greatestToken = max(row.greatestToken, row.token)
        next.tasks[Int(task)] = row
        let grant = Grant(task: task, worker: worker, token: row.token, attempt: row.attempt, serial: row.serial)
        let violation = isGreater ? nil : Violation.tokenNotGreater
        // The answer is lost; and arrives. One that arrives late is a worker that is slow to act.
        result.append(Step(state: next, violation: violation, isHarm: true))
        next.held.insert(grant)
        result.append(Step(state: next, violation: violation))
    }

    // MARK: - The rescuer

    private func rescuerSteps(_ task: UInt8, _ state: State, _ result: inout [Step]) {
        let row = state.tasks[Int(task)]
        guard row.phase == .running, variant != .noRescue else { return }
        let lease = state.leases[Int(row.owner)]
        switch lease {
        case .expired:
            if variant == .rescueByTimeOnly { return send(.take(task), state, &result) }
            // Marked first: from here on no renewal may succeed.
            var marked = state
            marked.leases[Int(row.owner)] = .lost
            result.append(Step(state: marked))
        case .lost, .stopped: result.append(Step(state: taken(task, state)))
        case .live, .none: break
        }
    }

    private func taken(_ task: UInt8, _ state: State) -> State {
        var next = state
        next.tasks[Int(task)].giveBack(refunded: false)
        return next
    }

    // MARK: - Arrivals

    private func arrival(_ message: Message, _ state: State) -> Step {
        var next = state
        switch message {
        case .renew(let worker):
            let lease = state.leases[Int(worker)]
            guard lease == .expired || lease == .lost else { return Step(state: next) }
            next.leases[Int(worker)] = .live
            // The rescuer has marked it and takes what it holds, from a lease that is now said to be valid.
            let isRobbed = lease == .lost && state.tasks.contains { $0.phase == .running && $0.owner == worker }
            return Step(state: next, violation: isRobbed ? .takenFromLiveLease : nil)
        case .retire(let worker):
            for index in next.tasks.indices where next.tasks[index].phase == .running {
                guard next.tasks[index].owner == worker else { continue }
                next.tasks[index].giveBack(refunded: true)
            }
            next.leases[Int(worker)] = .stopped
        case .take(let task):
            let row = state.tasks[Int(task)]
            let isRobbed = row.phase == .running && state.leases[Int(row.owner)] == .live
            return Step(state: taken(task, state), violation: isRobbed ? .takenFromLiveLease : nil)
        case .release(let grant):
            guard passes(grant, state) else { return Step(state: next) }
            next.tasks[Int(grant.task)].giveBack(refunded: true)
            return Step(state: next, violation: judge(grant, state))
        case .complete(let grant):
            guard passes(grant, state) else { return Step(state: next) }
            next.tasks[Int(grant.task)].complete()
            let isTwice = next.tasks[Int(grant.task)].completions > 1
            return Step(state: next, violation: isTwice ? .completedTwice : judge(grant, state))
        }
        return Step(state: next)
    }

    /// The condition of every write of an attempt.
    private func passes(_ grant: Grant, _ state: State) -> Bool {
        let row = state.tasks[Int(grant.task)]
        return switch variant {
        case .noFence: true
        case .attemptFence: row.phase == .running && row.attempt == grant.attempt
        default: row.phase == .running && row.token == grant.token
        }
    }

    /// Whether a write that passed should have.
    private func judge(_ grant: Grant, _ state: State) -> Violation? {
        let row = state.tasks[Int(grant.task)]
        return row.phase == .running && row.serial == grant.serial ? nil : .settledByOldGrant
    }
}
