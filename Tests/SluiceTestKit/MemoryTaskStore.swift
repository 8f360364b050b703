package import SluiceCore
package import SluiceQueue
internal import Synchronization

/// A `TaskStore` in memory with faults on demand: for tests of the engine, never of a server.
package final class MemoryTaskStore: TaskStore, ControlStore {
    package enum Operation: Hashable, Sendable, CaseIterable {
        case enqueue, register, renew, claim, claimNext, settle, retire, lead, resign, promoteDue
        case dispatchState, streams, newStreams, heads, available, running
        case rescue, goneWorkers, prune, reportLeader, exchange, claimSuspects
    }

    package typealias Fault = @Sendable (Operation) -> FaultMode?

    private let model = Mutex(MemoryTaskModel())
    private let fault = Mutex<Fault?>(nil)
    private let calls = Mutex<[Operation: Int]>([:])
    private let hanging = Mutex<[CheckedContinuation<Void, Never>]>([])
    private let poison = Mutex<Set<TaskID>>([])
    package let clock: TestClock

    package init(clock: TestClock = TestClock()) { self.clock = clock }

    // MARK: - For tests

    /// Asked before every call; nil: the call goes well.
    package func setFault(_ fault: Fault?) { self.fault.withLock { $0 = fault } }

    /// Verdicts on this task make their whole flush fail for good, except releases.
    package func poison(_ task: TaskID) { poison.withLock { _ = $0.insert(task) } }

    /// What an operator asks of a running task, until it is settled.
    package func cancel(_ task: TaskID, reason: String) { model.withLock { $0.cancels[task] = reason } }
    package func ask(_ worker: WorkerID, _ request: WorkerRequest) { model.withLock { $0.requests[worker] = request } }
    /// Only a worker that holds nothing gets these, one at a time.
    /// These are suspects from now on, of which `group` may run together.
    package func suspect(_ tasks: [TaskID], group: Int = 1) {
        model.withLock { model in for task in tasks { model.suspects[task] = group } }
    }
    /// What was said under a claim that still held.
    package var progress: [ProgressReport] { model.withLock { $0.progress } }

    /// Ends the calls that hang.
    package func release() {
        let waiting = hanging.withLock { waiting in
            defer { waiting.removeAll() }
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    package func count(_ operation: Operation) -> Int { calls.withLock { $0[operation] ?? 0 } }
    package var history: TaskHistory { model.withLock { $0.history } }
    package func state(of task: TaskID) -> TaskState? { model.withLock { $0.rows[task]?.state } }
    package func attempt(of task: TaskID) -> Int { model.withLock { $0.rows[task]?.attempt ?? 0 } }
    package func crashCount(of task: TaskID) -> Int { model.withLock { $0.rows[task]?.crashCount ?? 0 } }
    package func setPaused(_ isPaused: Bool, _ queue: QueueName) {
        model.withLock { model in
            model.set(Control(.queue(queue), isPaused: isPaused))
        }
    }
    /// Imposes this on its scope, in place of what was.
    package func set(_ control: Control) { model.withLock { $0.set(control) } }
    /// Tenants without a weight have 1.
    package func setWeight(_ weight: Int, of tenant: TenantID) { model.withLock { $0.weights[tenant] = weight } }
    package var states: [TaskState: Int] {
        model.withLock { $0.rows.values.reduce(into: [:]) { $0[$1.state, default: 0] += 1 } }
    }
    package var incarnations: [WorkerID] { model.withLock { Array($0.workers.keys) } }
    package var reports: [WorkerReport] { model.withLock { $0.workers.values.compactMap(\.report) } }
    package var leader: WorkerID? { model.withLock { $0.leader?.holder } }
    package var term: Int64 { model.withLock { $0.leader?.term ?? 0 } }

    /// Ends the leases of these incarnations, as if their workers had been silent for long.
    package func expire(_ workers: [WorkerID]) {
        let now = clock.now
        model.withLock { model in for worker in workers { model.workers[worker]?.leaseUntil = now } }
    }

    // MARK: - ControlStore

    package func exchange(
        _ worker: WorkerID,
        queues: [QueueName],
        progress: [ProgressReport]
    ) async throws -> ControlOrders {
        try await perform(.exchange) { model, _ in model.exchange(worker, queues, progress) }
    }

    package func claimSuspects(slots: [QueueName: Int], worker: WorkerID) async throws -> [ClaimedTask] {
        try await perform(.claimSuspects) { $0.claimSuspects(slots, worker, at: $1) }
    }

    // MARK: - TaskStore

    package func enqueue(_ tasks: [NewTask]) async throws -> [EnqueuedTask] {
        try await perform(.enqueue) { $0.enqueue(tasks, at: $1) }
    }

    package func register(_ worker: WorkerRegistration) async throws {
        try await perform(.register) { $0.register(worker, at: $1) }
    }

    package func renew(_ worker: WorkerID, report: WorkerReport, holding: [Fence]) async throws -> Renewal {
        try await perform(.renew) { $0.renew(worker, report, holding, at: $1) }
    }

    package func claim(_ ids: [TaskID], queue: QueueName, worker: WorkerID) async throws -> [ClaimedTask] {
        try await perform(.claim) { $0.claim(ids, queue, worker, at: $1) }
    }

    package func claimNext(queue: QueueName, limit: Int, worker: WorkerID) async throws -> [ClaimedTask] {
        try await perform(.claimNext) { model, now in
            model.claim(Array(model.available(queue).prefix(limit)), queue, worker, at: now)
        }
    }

    package func settle(_ settlements: [Settlement], worker: WorkerID) async throws -> Set<Fence> {
        let poisoned = poison.withLock { poison in
            settlements.contains { settlement in
                if case .released = settlement.verdict { return false }
                return poison.contains(settlement.fence.task)
            }
        }
        if poisoned { throw ServerFault(isTransient: false) }
        return try await perform(.settle) { $0.settle(settlements, at: $1) }
    }

    package func retire(_ worker: WorkerID) async throws {
        try await perform(.retire) { model, _ in model.retire(worker) }
    }

    package func lead(as candidate: WorkerID, for length: Duration) async throws -> Int64? {
        try await perform(.lead) { $0.lead(candidate, length, at: $1) }
    }

    package func resign(_ holder: WorkerID) async throws {
        try await perform(.resign) { model, now in
            if let leader = model.leader, leader.holder == holder { model.leader = (nil, leader.term, now) }
        }
    }

    package func promoteDue(limit: Int) async throws -> [QueueName: Promotion] {
        try await perform(.promoteDue) { $0.promoteDue(limit, at: $1) }
    }

    package func rescue(limit: Int, term: Int64) async throws -> [RescuedTask] {
        try await perform(.rescue) { $0.rescue(limit, term, at: $1) }
    }

    package func goneWorkers(among workers: [WorkerID]) async throws -> [WorkerID] {
        try await perform(.goneWorkers) { model, now in workers.filter { !model.isLive($0, at: now) } }
    }

    package func prune(retention: Duration, term: Int64) async throws -> PruneReport {
        try await perform(.prune) { _, _ in PruneReport() }
    }

    package func reportLeader(term: Int64, relayLag: Duration, rescued: Int) async throws {
        try await perform(.reportLeader) { _, _ in }
    }

    func perform<Value: Sendable>(
        _ operation: Operation,
        _ body: (inout MemoryTaskModel, Instant) -> Value
    ) async throws -> Value {
        calls.withLock { $0[operation, default: 0] += 1 }
        let mode = fault.withLock { $0 }?(operation)
        switch mode {
        case .refused(let isTransient): throw ServerFault(isTransient: isTransient)
        case .hangs:
            await withCheckedContinuation { continuation in hanging.withLock { $0.append(continuation) } }
            throw ServerFault()
        case .slow(let delay): try await Task.sleep(for: delay)
        case .answerLost, nil: break
        }
        let now = clock.now
        let value = model.withLock { body(&$0, now) }
        if case .answerLost = mode { throw ServerFault() }
        return value
    }
}
