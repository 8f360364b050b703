package import SluiceCore
package import SluiceQueue

/// What `MemoryTaskStore` does, as a value: the rules of the tables without tables.
struct MemoryTaskModel: Sendable {
    struct Row: Sendable {
        let id: TaskID
        var task: NewTask
        var state: TaskState
        var runAt: Instant
        var attempt = 0
        var crashCount = 0
        var token: LeaseToken?
        var owner: WorkerID?
        var deadline: Instant?
    }

    struct Incarnation: Sendable {
        let registration: WorkerRegistration
        var leaseUntil: Instant
        var report: WorkerReport?
    }

    var rows: [TaskID: Row] = [:]
    var workers: [WorkerID: Incarnation] = [:]
    var controls: [ControlScope: Control] = [:]
    var weights: [TenantID: Int] = [:]
    var leader: (holder: WorkerID?, term: Int64, until: Instant)?
    var history = TaskHistory()
    var cancels: [TaskID: String] = [:]
    var requests: [WorkerID: WorkerRequest] = [:]
    /// With how many may run together with each.
    var suspects: [TaskID: Int] = [:]
    var progress: [ProgressReport] = []
    let origin = ContinuousClock.now
    private var nextID: Int64 = 0
    private var nextToken: Int64 = 0

    mutating func enqueue(_ tasks: [NewTask], at now: Instant) -> [EnqueuedTask] {
        tasks.map { task in
            if let key = task.uniqueKey,
                let known = rows.values.first(where: {
                    $0.state.isLive && $0.task.uniqueKey == key && $0.task.kind == task.kind
                        && $0.task.tenant == task.tenant
                })
            {
                return resolve(task, known, at: now)
            }
            nextID += 1
            let id = TaskID(nextID)
            let isAvailable = task.delay <= .zero
            rows[id] = Row(
                id: id,
                task: task,
                state: isAvailable ? .available : .scheduled,
                runAt: now + task.delay
            )
            return EnqueuedTask(id: id, wasDuplicate: false, queue: task.queue, isAvailable: isAvailable)
        }
    }

    private mutating func resolve(_ task: NewTask, _ known: Row, at now: Instant) -> EnqueuedTask {
        let queue = known.task.queue
        if task.onConflict == .keep {
            return EnqueuedTask(id: known.id, resolution: .kept, queue: queue, isAvailable: false)
        }
        if known.state == .running {
            return EnqueuedTask(id: known.id, resolution: .keptRunning, queue: queue, isAvailable: false)
        }
        var row = known
        let isAvailable = task.delay <= .zero
        let stays = task.onConflict == .reschedule && row.state == .retryable
        row.state = isAvailable ? .available : stays ? .retryable : .scheduled
        row.runAt = now + task.delay
        if task.onConflict == .replace {
            let batch = row.task.batch
            row.task = task
            row.task.batch = batch
            row.attempt = 0
            row.crashCount = 0
        } else {
            row.task.priority = task.priority
        }
        rows[row.id] = row
        return EnqueuedTask(
            id: row.id,
            resolution: task.onConflict == .replace ? .replaced : .rescheduled,
            queue: row.task.queue,
            isAvailable: isAvailable
        )
    }

    mutating func register(_ worker: WorkerRegistration, at now: Instant) {
        workers[worker.id] = Incarnation(registration: worker, leaseUntil: now + worker.leaseLength)
    }

    func isLive(_ worker: WorkerID, at now: Instant) -> Bool { workers[worker].map { $0.leaseUntil > now } ?? false }

    mutating func renew(_ worker: WorkerID, _ report: WorkerReport, _ holding: [Fence], at now: Instant) -> Renewal {
        guard isLive(worker, at: now) else { return .expired }
        workers[worker]?.leaseUntil = now + report.leaseLength
        workers[worker]?.report = report
        let held = rows.values.lazy.filter { $0.state == .running && $0.owner == worker }
            .compactMap { row in row.token.map { Fence(task: row.id, token: $0) } }
        return .renewed(lost: Set(holding.filter { !isHeld($0) }), strays: Set(held).subtracting(holding))
    }

    private func isHeld(_ fence: Fence) -> Bool {
        rows[fence.task].map { $0.state == .running && $0.token == fence.token } ?? false
    }

    mutating func claim(_ ids: [TaskID], _ queue: QueueName, _ worker: WorkerID, at now: Instant) -> [ClaimedTask] {
        guard isLive(worker, at: now) else { return [] }
        return ids.compactMap { id in
            guard var row = rows[id], row.state == .available, row.task.queue == queue, mayStart(row.task),
                suspects[id] == nil
            else {
                return nil
            }
            nextToken += 1
            row.state = .running
            row.attempt += 1
            row.token = LeaseToken(nextToken)
            row.owner = worker
            row.deadline = now + row.task.timeout
            rows[id] = row
            history.claims.append(
                TaskHistory.Claim(fence: Fence(task: id, token: LeaseToken(nextToken)), worker: worker)
            )
            return ClaimedTask(
                id: id,
                token: LeaseToken(nextToken),
                tenant: row.task.tenant,
                queue: queue,
                kind: row.task.kind,
                payload: row.task.payload,
                payloadVersion: row.task.payloadVersion,
                attempt: row.attempt,
                maxAttempts: row.task.maxAttempts,
                crashCount: row.crashCount,
                timeout: row.task.timeout,
                batch: row.task.batch
            )
        }
    }

    /// Available tasks in the order in which they should run.
    func available(_ queue: QueueName) -> [TaskID] {
        rows.values
            .filter { $0.state == .available && $0.task.queue == queue && suspects[$0.id] == nil }
            .sorted { ($0.task.priority, $0.runAt, $0.id) < ($1.task.priority, $1.runAt, $1.id) }
            .map(\.id)
    }

    mutating func settle(_ settlements: [Settlement], at now: Instant) -> Set<Fence> {
        var refused: Set<Fence> = []
        for settlement in settlements {
            guard isHeld(settlement.fence), var row = rows[settlement.fence.task] else {
                refused.insert(settlement.fence)
                continue
            }
            history.settlements.append(settlement)
            row.token = nil
            row.owner = nil
            row.deadline = nil
            switch settlement.verdict {
            case .completed: row.state = .completed
            case .cancelled: row.state = .cancelled
            case .dead, .quarantined: row.state = .dead
            case .discarded: row.state = .cancelled
            case .retry(let delay, _):
                row.state = .retryable
                row.runAt = now + delay
            case .snoozed(let delay, _):
                row.state = .scheduled
                row.runAt = now + delay
                row.attempt -= 1
            case .declined(let reason):
                let earlier = history.settlements.count {
                    guard case .declined(let other) = $0.verdict else { return false }
                    return $0.fence.task == row.id && other.errorClass == reason.errorClass
                }
                row.state = .scheduled
                row.runAt = now + DeclinePolicy.delay(earlier: earlier - 1)
                row.attempt -= 1
            case .released(let delay, _):
                row.state = delay > .zero ? .scheduled : .available
                row.runAt = now + delay
                row.attempt -= 1
            }
            rows[row.id] = row
        }
        return refused
    }

    mutating func exchange(_ worker: WorkerID, _ queues: [QueueName], _ said: [ProgressReport]) -> ControlOrders {
        progress += said.filter { isHeld($0.fence) }
        var orders = ControlOrders(request: requests[worker])
        for (task, reason) in cancels {
            guard let row = rows[task], row.state == .running, row.owner == worker, let token = row.token else {
                continue
            }
            orders.cancelled[Fence(task: task, token: token)] = reason
        }
        orders.hasSuspects = suspects.keys.contains { id in
            rows[id].map { $0.state == .available && queues.contains($0.task.queue) } ?? false
        }
        return orders
    }

    mutating func claimSuspects(_ slots: [QueueName: Int], _ worker: WorkerID, at now: Instant) -> [ClaimedTask] {
        let holds = rows.values.contains { $0.state == .running && $0.owner == worker }
        let waiting = suspects.keys.filter { rows[$0]?.state == .available }.sorted()
        guard !holds, let first = waiting.first, let queue = rows[first]?.task.queue, let group = suspects[first],
            let room = slots[queue]
        else { return [] }
        let alike = waiting.filter { suspects[$0] == group && rows[$0]?.task.queue == queue }
        let taken = Array(alike.prefix(min(group, room)))
        for id in taken { suspects[id] = nil }
        return claim(taken, queue, worker, at: now)
    }

    mutating func retire(_ worker: WorkerID) {
        for (id, row) in rows where row.owner == worker && row.state == .running {
            rows[id]?.state = .available
            rows[id]?.attempt -= 1
            rows[id]?.token = nil
            rows[id]?.owner = nil
        }
        workers[worker] = nil
    }

    mutating func promoteDue(_ limit: Int, at now: Instant) -> [QueueName: Promotion] {
        var promotions: [QueueName: Promotion] = [:]
        let due = rows.values.filter { ($0.state == .scheduled || $0.state == .retryable) && $0.runAt <= now }
        for row in due.prefix(limit) {
            rows[row.id]?.state = .available
            let (known, runAt) = (promotions[row.task.queue], candidate(row).runAt)
            promotions[row.task.queue] = Promotion(
                count: (known?.count ?? 0) + 1,
                earliest: min(known?.earliest ?? runAt, runAt)
            )
        }
        return promotions
    }

    mutating func rescue(_ limit: Int, _ term: Int64, at now: Instant) -> [RescuedTask] {
        guard leader?.term == term else { return [] }
        var taken: [RescuedTask] = []
        for row in rows.values.sorted(by: { $0.id < $1.id }) where row.state == .running && taken.count < limit {
            let isLost = row.owner.map { !isLive($0, at: now) } ?? true
            let isLate = row.deadline.map { now - $0 > .seconds(15) } ?? false
            guard isLost || isLate else { continue }
            let isDead = row.attempt >= row.task.maxAttempts
            rows[row.id]?.state = isDead ? .dead : .available
            rows[row.id]?.token = nil
            rows[row.id]?.owner = nil
            if isLost { rows[row.id]?.crashCount += 1 }
            taken.append(
                RescuedTask(id: row.id, queue: row.task.queue, cause: isLost ? .leaseLost : .deadline, isDead: isDead)
            )
        }
        history.rescues += taken
        return taken
    }

    mutating func lead(_ candidate: WorkerID, _ length: Duration, at now: Instant) -> Int64? {
        let held = leader ?? (nil, 0, now)
        if held.holder == candidate && held.until > now {
            leader = (candidate, held.term, now + length)
        } else if held.holder == nil || held.until <= now {
            leader = (candidate, held.term + 1, now + length)
        } else {
            return nil
        }
        return leader?.term
    }
}

/// What happened in a `MemoryTaskStore`, in order, for checking that no promise was broken.
package struct TaskHistory: Sendable {
    package struct Claim: Sendable {
        package let fence: Fence
        package let worker: WorkerID
    }

    /// Every claim that was granted.
    package var claims: [Claim] = []
    /// Every verdict that was accepted.
    package var settlements: [Settlement] = []
    package var rescues: [RescuedTask] = []
}
