package import SluiceCore

/// Hints that say "look at this id, soon", and wake-ups. Implemented on Redis by SluiceBroker.
///
/// Every message may be lost, doubled, late or stale, and nothing breaks. Calls fail fast while the server is away;
/// callers then work from the `TaskStore` alone.
package protocol TaskHints: DispatchHints {
    /// Adds ids that the relay has chosen to a window, and wakes waiters. Ids beyond `windowLimit` are not stored.
    /// Returns how many were taken.
    func offer(_ ids: [TaskID], queue: QueueName, windowLimit: Int) async throws -> Int
    /// Moves up to `limit` ids from the queue's window into the list of this worker incarnation, atomically.
    func fetch(queue: QueueName, worker: WorkerID, limit: Int) async throws -> [TaskID]
    /// Waits for a wake-up of one of the queues, at most `atMost`; the queue, or nil when the time passed. Cancellable.
    func waitForWork(queues: [QueueName], atMost: Duration) async throws -> QueueName?
    /// Forgets ids that this incarnation has claimed or dropped.
    func acknowledge(_ ids: [TaskID], worker: WorkerID) async throws
    /// Gives unclaimed ids back to their window.
    func handBack(_ ids: [TaskID], queue: QueueName, worker: WorkerID) async throws
    /// How many ids each window holds.
    func windowCounts(_ queues: [QueueName]) async throws -> [QueueName: Int]
    /// The ids that a queue's window holds, oldest first.
    func windowIDs(_ queue: QueueName) async throws -> [TaskID]
    /// Empties a queue's window, for a pause.
    func clear(queue: QueueName) async throws
    /// Incarnations that have a processing list.
    func incarnations() async throws -> [WorkerID]
    /// Takes what is left in the list of an incarnation that is gone, and deletes the list.
    func reclaim(worker: WorkerID) async throws -> [TaskID]
    /// Round trip to the server.
    func ping() async throws -> Duration
}
