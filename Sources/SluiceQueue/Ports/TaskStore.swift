package import SluiceCore

/// The truth about tasks. Implemented on PostgreSQL by SluiceStore; in memory for tests of the engine.
///
/// All times are the store's own. Every call may throw a `TransientFailure`; callers retry with back-off and jitter.
/// Batched calls are atomic: all or nothing.
package protocol TaskStore: DispatchStore {
    // Enqueue

    /// Stores tasks in one transaction, in order. Duplicates by unique key return the existing id.
    func enqueue(_ tasks: [NewTask]) async throws -> [EnqueuedTask]

    // A worker's life

    /// Makes this incarnation known; its lease runs from now.
    func register(_ worker: WorkerRegistration) async throws
    /// Renews the lease of all that the worker holds, unless it has expired already.
    func renew(_ worker: WorkerID, report: WorkerReport, holding: [Fence]) async throws -> Renewal
    /// Claims those of `ids` that are available and in the queue, in one compare-and-set: the others were stale hints.
    ///
    /// Returns nothing when the worker's lease has expired; leaves out what a control keeps back, and never exceeds a cap.
    func claim(_ ids: [TaskID], queue: QueueName, worker: WorkerID) async throws -> [ClaimedTask]
    /// Claims up to `limit` available tasks of a queue, fairly among tenants, without hints: the degraded mode.
    func claimNext(queue: QueueName, limit: Int, worker: WorkerID) async throws -> [ClaimedTask]
    /// Applies verdicts, each behind its fence, with batch counters, in one transaction. Returns the fences refused as stale.
    func settle(_ settlements: [Settlement], worker: WorkerID) async throws -> Set<Fence>
    /// Takes the worker off the books; what it still holds becomes available at once, attempts refunded.
    func retire(_ worker: WorkerID) async throws

    // The leader's duties

    /// Takes or renews the leadership. Returns the term while `candidate` leads, nil while another does.
    func lead(as candidate: WorkerID, for length: Duration) async throws -> Int64?
    /// Gives the leadership back at once.
    func resign(_ holder: WorkerID) async throws
    /// Makes due scheduled and retryable tasks available, at most `limit`. Queues without such are not among the answer.
    func promoteDue(limit: Int) async throws -> [QueueName: Promotion]
    /// Takes tasks from workers whose lease expired and from attempts beyond their deadline, at most `limit`.
    ///
    /// A lost lease counts the attempt and one crash; the task runs again at once, or is dead when attempts are used up.
    func rescue(limit: Int, term: Int64) async throws -> [RescuedTask]
    /// Those of the incarnations that have no valid lease any more, or were never known.
    func goneWorkers(among workers: [WorkerID]) async throws -> [WorkerID]
    /// Upkeep: day partitions ahead, partitions and worker rows beyond retention dropped, finished batches closed.
    func prune(retention: Duration, term: Int64) async throws -> PruneReport
    /// What the leader tells operators about itself.
    func reportLeader(term: Int64, relayLag: Duration, rescued: Int) async throws
}

package struct WorkerRegistration: Sendable {
    package enum Role: String, Sendable { case worker, coordinator }

    package let id: WorkerID
    package let role: Role
    package let host: String
    package let pid: Int32
    package let version: String
    package let queues: [QueueName]
    package let concurrency: Int
    package let leaseLength: Duration

    package init(
        id: WorkerID,
        role: Role,
        host: String,
        pid: Int32,
        version: String,
        queues: [QueueName],
        concurrency: Int,
        leaseLength: Duration
    ) {
        self.id = id
        self.role = role
        self.host = host
        self.pid = pid
        self.version = version
        self.queues = queues
        self.concurrency = concurrency
        self.leaseLength = leaseLength
    }
}

/// What a worker says of itself with each renewal.
package struct WorkerReport: Sendable {
    package enum State: String, Sendable { case live, quiet, draining }

    package var state: State
    package var running: Int
    package var residentBytes: Int
    /// True while Redis cannot be reached and tasks are claimed straight from PostgreSQL.
    package var isDegraded: Bool
    package var staleSettlements: Int
    package var leaseLength: Duration

    package init(
        state: State,
        running: Int,
        residentBytes: Int,
        isDegraded: Bool,
        staleSettlements: Int,
        leaseLength: Duration
    ) {
        self.state = state
        self.running = running
        self.residentBytes = residentBytes
        self.isDegraded = isDegraded
        self.staleSettlements = staleSettlements
        self.leaseLength = leaseLength
    }
}

package enum Renewal: Sendable, Equatable {
    /// Renewed. `lost`: claims that are no longer this worker's: cancel their handlers. `strays`: claims that the store has
    /// as this worker's although it did not name them; their grant may still be on its way, or its answer was lost.
    case renewed(lost: Set<Fence>, strays: Set<Fence>)
    /// The lease had expired: everything held is lost, and a new incarnation must register.
    case expired
}

package struct RescuedTask: Sendable, Equatable {
    package enum Cause: String, Sendable { case leaseLost, deadline }

    package let id: TaskID
    package let queue: QueueName
    package let cause: Cause
    /// False: it runs again. True: its attempts were used up.
    package let isDead: Bool

    package init(id: TaskID, queue: QueueName, cause: Cause, isDead: Bool) {
        self.id = id
        self.queue = queue
        self.cause = cause
        self.isDead = isDead
    }
}

package struct PruneReport: Sendable, Equatable {
    package var partitionsCreated: Int
    package var partitionsDropped: Int
    package var workersForgotten: Int

    package init(partitionsCreated: Int = 0, partitionsDropped: Int = 0, workersForgotten: Int = 0) {
        self.partitionsCreated = partitionsCreated
        self.partitionsDropped = partitionsDropped
        self.workersForgotten = workersForgotten
    }
}
