/// Where a task stands: `scheduled → available → running → completed`, and `retryable`, `dead`, `cancelled`.
package enum TaskState: String, Sendable, CaseIterable, Codable {
    /// Waits for its `run_at`. Becomes available.
    case scheduled
    /// May be claimed. Becomes running, or cancelled.
    case available
    /// Held by a worker under a lease. Becomes completed, retryable, available (released), scheduled (snoozed), dead or cancelled.
    case running
    /// Failed, waits for its next attempt at `run_at`. Becomes available.
    case retryable
    /// Done; its row is in the archive.
    case completed
    /// Failed for good; its row is in the dead letters until it is retried or purged.
    case dead
    /// Will not run; its row is in the archive.
    case cancelled

    /// States that live in the hot table `tasks`; the others have left it.
    package var isLive: Bool {
        switch self {
        case .scheduled, .available, .running, .retryable: true
        case .completed, .dead, .cancelled: false
        }
    }
}
