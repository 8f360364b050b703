internal import Synchronization

/// What a worker did since it started, and what it does now; for metrics.
package struct WorkerStats: Sendable, Equatable {
    /// Attempts that run now.
    package var running = 0
    /// Verdicts that wait to be written.
    package var backlog = 0
    package var claimed = 0
    /// Ids of hints that led to no claim: taken by others, paused, or doubled.
    package var staleHints = 0
    package var completed = 0
    package var retried = 0
    package var snoozed = 0
    package var released = 0
    package var dead = 0
    package var cancelled = 0
    /// Results refused or discarded because the lease was lost.
    package var stale = 0
    /// Handlers that did not end although they were told to.
    package var hung = 0
    /// Leases that ended while the worker ran.
    package var leasesLost = 0
    package var isDegraded = false
}

/// The counters behind `WorkerStats`.
final class WorkerCounters: Sendable {
    private let values = Mutex(WorkerStats())

    var snapshot: WorkerStats { values.withLock { $0 } }

    func add(_ change: (inout WorkerStats) -> Void) { values.withLock { change(&$0) } }

    func wrote(_ settlements: [Settlement], refused: Int) {
        values.withLock { values in
            values.stale += refused
            // Refused ones are few and already counted; which verdicts they had does not matter for a rate.
            for settlement in settlements {
                switch settlement.verdict {
                case .completed: values.completed += 1
                case .retry: values.retried += 1
                case .snoozed: values.snoozed += 1
                case .released, .declined: values.released += 1
                case .dead, .quarantined: values.dead += 1
                case .cancelled, .discarded: values.cancelled += 1
                }
            }
        }
    }
}
