package import SluiceCore

/// What becomes of a claimed task: decided by the engine in a pure value, written by a `TaskStore` behind the fence.
package struct Settlement: Sendable {
    package enum Verdict: Sendable, Equatable {
        /// → archive.
        case completed
        /// → retryable, runs again after `delay`; the attempt is counted and its error kept.
        case retry(after: Duration, TaskFailure)
        /// → scheduled, runs again after `delay`; the attempt is refunded.
        case snoozed(for: Duration, reason: String)
        /// → available at once or after `delay`; the attempt is refunded. For drains and claims that were not begun.
        case released(after: Duration, reason: String)
        /// → scheduled, for another worker than this one, which cannot perform it; the attempt is refunded. Runs again after
        /// `DeclinePolicy`, longer with each time that it was declined for the same class of reason.
        case declined(TaskFailure)
        /// → dead letters.
        case dead(TaskFailure)
        /// → dead letters, raised again only when that is asked for by name: another attempt would do harm.
        case quarantined(TaskFailure)
        /// → archive as cancelled: nobody needs to look at it; the attempt's error is kept all the same.
        case discarded(TaskFailure)
        /// → archive as cancelled.
        case cancelled(reason: String)
    }

    package let fence: Fence
    package let verdict: Verdict

    package init(_ fence: Fence, _ verdict: Verdict) {
        self.fence = fence
        self.verdict = verdict
    }
}

/// What a handler decided. An error that it throws means: retry by the kind's policy, dead after the last attempt.
package enum AttemptOutcome: Sendable {
    /// Settle as completed.
    case completed
    /// The handler settled the task itself, in the transaction of its effects. Nothing is left to write.
    case settledByHandler
    /// Run again after `delay` without using up an attempt; `reason` is kept.
    case snoozed(for: Duration, reason: String)
    /// Never run again; `reason` is kept.
    case cancelled(reason: String)
    /// Left to another worker, as this one lacks what it takes; no attempt is used.
    case declined(TaskFailure)
    /// To the dead letters at once: another attempt cannot end differently.
    case dead(TaskFailure)
}
