internal import Sluice
internal import SluiceCore
internal import SluiceQueue

/// What a `TestQueue` holds, as a value: the rules of the tables without tables.
struct TestQueueState: Sendable {
    struct Row: Sendable {
        let id: TaskID
        var task: NewTask
        var state: TaskState
        var runAt: Duration
        var attempt = 0
    }

    /// By id.
    private(set) var rows: [Row] = []
    private(set) var deadLetters: [HandlerError] = []
    private var tokens: Int64 = 0

    mutating func enqueue(_ task: NewTask, at now: Duration) -> EnqueuedTask {
        let isAvailable = task.delay <= .zero
        if let key = task.uniqueKey,
            let index = rows.firstIndex(where: {
                $0.state.isLive && $0.task.uniqueKey == key && $0.task.kind == task.kind
                    && $0.task.tenant == task.tenant
            })
        {
            return resolve(task, index, at: now)
        }
        let id = TaskID(rawValue: Int64(rows.count) + 1)
        rows.append(
            Row(id: id, task: task, state: isAvailable ? .available : .scheduled, runAt: now + max(.zero, task.delay))
        )
        return EnqueuedTask(id: id, resolution: .created, queue: task.queue, isAvailable: isAvailable)
    }

    private mutating func resolve(_ task: NewTask, _ index: Int, at now: Duration) -> EnqueuedTask {
        func result(_ resolution: EnqueuedTask.Resolution) -> EnqueuedTask {
            EnqueuedTask(id: rows[index].id, resolution: resolution, queue: rows[index].task.queue, isAvailable: false)
        }
        if task.onConflict == .keep { return result(.kept) }
        if rows[index].state == .running { return result(.keptRunning) }
        let batch = rows[index].task.batch
        rows[index].runAt = now + max(.zero, task.delay)
        rows[index].state = task.delay <= .zero ? .available : .scheduled
        if task.onConflict == .replace {
            rows[index].task = task
            rows[index].task.batch = batch
            rows[index].attempt = 0
            return result(.replaced)
        }
        rows[index].task.priority = task.priority
        return result(.rescheduled)
    }

    /// When the next task that waits is due; nil: none waits.
    var nextDue: Duration? { rows.lazy.filter { $0.state.isLive && $0.state != .running }.map(\.runAt).min() }

    /// Of the task that would be claimed now.
    func nextKind(at now: Duration) -> TaskKind? { first(at: now).map { rows[$0].task.kind } }

    private func first(at now: Duration) -> Int? {
        let due = rows.indices.filter { rows[$0].state.isLive && rows[$0].state != .running && rows[$0].runAt <= now }
        return due.min { left, right in
            let (left, right) = (rows[left], rows[right])
            return (left.task.priority, left.runAt, left.id) < (right.task.priority, right.runAt, right.id)
        }
    }

    mutating func claim(at now: Duration) -> ClaimedTask? {
        guard let index = first(at: now) else { return nil }
        rows[index].state = .running
        rows[index].attempt += 1
        tokens += 1
        let row = rows[index]
        return ClaimedTask(
            id: row.id,
            token: LeaseToken(rawValue: tokens),
            tenant: row.task.tenant,
            queue: row.task.queue,
            kind: row.task.kind,
            payload: row.task.payload,
            payloadVersion: row.task.payloadVersion,
            attempt: row.attempt,
            maxAttempts: row.task.maxAttempts,
            crashCount: 0,
            timeout: row.task.timeout,
            batch: row.task.batch
        )
    }

    mutating func settle(
        _ task: ClaimedTask,
        _ verdict: Settlement.Verdict,
        at now: Duration,
        _ report: inout DrainReport
    ) {
        guard let index = rows.firstIndex(where: { $0.id == task.id }) else { return }
        func wait(_ state: TaskState, _ delay: Duration, isRefunded: Bool) {
            rows[index].state = state
            rows[index].runAt = now + delay
            if isRefunded { rows[index].attempt -= 1 }
        }
        switch verdict {
        case .completed:
            rows[index].state = .completed
            report.completed += 1
        case .cancelled, .discarded:
            rows[index].state = .cancelled
            report.cancelled += 1
        case .dead(let failure), .quarantined(let failure):
            rows[index].state = .dead
            deadLetters.append(HandlerError(failure.errorClass, failure.message))
            report.dead += 1
        case .retry(let delay, _):
            wait(.retryable, delay, isRefunded: false)
            report.retried += 1
        case .snoozed(let delay, _):
            wait(.scheduled, delay, isRefunded: true)
            report.snoozed += 1
        case .released(let delay, _): wait(.scheduled, delay, isRefunded: true)
        case .declined: wait(.scheduled, DeclinePolicy.first, isRefunded: true)
        }
    }
}

enum TestQueueError {
    static func endless(_ limit: Int) -> SluiceError {
        SluiceError.testing(
            "the queue is not empty after \(limit) attempts; does a handler always enqueue another task?"
        )
    }

    static func noHandler(_ kind: String) -> SluiceError {
        SluiceError.testing("a task of kind '\(kind)' is due, and the test queue has no handler for it")
    }
}
