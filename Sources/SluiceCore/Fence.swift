/// What a worker must show to change a task it claimed: the task and the token of that very claim.
///
/// Every renew, settle and effect is guarded by `state = 'running' AND lease_token = token`. A worker whose lease was lost
/// shows an old token and is refused.
package struct Fence: Hashable, Sendable, CustomStringConvertible {
    package let task: TaskID
    package let token: LeaseToken

    package init(task: TaskID, token: LeaseToken) {
        self.task = task
        self.token = token
    }

    package var description: String { "task \(task), lease \(token)" }
}

/// Thrown when a fenced write found that the lease had been lost: the transaction was rolled back and nothing happened.
package struct StaleLease: Error, Sendable, CustomStringConvertible {
    package let fence: Fence

    package init(_ fence: Fence) { self.fence = fence }

    package var description: String {
        "\(fence) is no longer held by this worker; its result was discarded, another attempt owns the task"
    }
}
