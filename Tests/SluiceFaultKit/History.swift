/// What a run left behind, as rows: the enqueuer's own record, the effect log, and the queue's tables. Points in time are
/// microseconds of the database's clock.
package struct History: Sendable {
    /// Written by whoever enqueued, in the same transaction.
    package struct Enqueued: Sendable {
        package var task: Int64
        /// Rows that the task's effect consists of.
        package var steps: Int
        package var batch: Int64?
        /// Tenant and key; nil for tasks without one.
        package var key: String?
        /// When the insert had been done, the transaction still open.
        package var at: Int64
    }

    package enum Ending: String, Sendable { case completed, cancelled, dead }

    /// A row of the archive or of the dead letters.
    package struct Ended: Sendable {
        package var task: Int64
        package var ending: Ending
        /// The accepted lease token; nil for the dead.
        package var token: Int64?
        /// When the transaction that settled it began.
        package var at: Int64
    }

    /// One row of the effect log, written in the completing transaction.
    package struct Effect: Sendable {
        package var task: Int64
        package var token: Int64
        package var step: Int
    }

    /// A claim that is known of, from the handler's own log or from the attempts that did not settle.
    package struct Claim: Sendable {
        package var task: Int64
        package var token: Int64
    }

    package struct Batch: Sendable, Equatable {
        package var id: Int64
        package var total = 0
        package var pending = 0
        package var completed = 0
        package var dead = 0
        package var cancelled = 0
        package var isFinished = false
    }

    /// While a handler ran, from its first row to its effect, and what caps it counts against.
    package struct Span: Sendable {
        package var scopes: [String]
        package var from: Int64
        package var to: Int64
    }

    package var enqueued: [Enqueued] = []
    package var ended: [Ended] = []
    /// Tasks that are still in the hot table.
    package var live: Set<Int64> = []
    package var effects: [Effect] = []
    package var claims: [Claim] = []
    package var batches: [Batch] = []
    package var spans: [Span] = []
    /// Ids in Redis, in windows and in workers' lists.
    package var hints: Set<Int64> = []

    package init() {}
}

/// One broken promise.
package struct Violation: Sendable, Hashable, CustomStringConvertible {
    package enum Rule: String, Sendable, CaseIterable {
        case lost, endedTwice, endedAndLive, oldTokenAccepted
        case effectMissing, effectDoubled, effectWithoutCompletion, effectOfOldToken
        case batchMiscounted, keyTwiceLive, capExceeded, hintOfNothing
    }

    package let rule: Rule
    /// A task, a batch, a key or a scope.
    package let subject: String

    package init(_ rule: Rule, _ subject: String) {
        self.rule = rule
        self.subject = subject
    }

    package var description: String { "\(rule.rawValue) (\(subject))" }
}
