package import SluiceCore

/// Why a worker stopped an attempt.
package enum StopReason: Sendable, Equatable {
    /// The lease is another's: whatever the handler does is discarded.
    case leaseLost
    /// The attempt's time is up.
    case deadline
    /// The process ends: the attempt is given back.
    case drain
    /// It reported progress and then none for so long.
    case stalled(Duration)
    /// An operator wants it ended, for this reason.
    case cancelled(String)
}

/// Turns how an attempt ended into what is written: a pure function, so that every case can be tested.
package struct VerdictPolicy: Sendable {
    /// The kind's own back-off and count of attempts.
    package let retry: RetryPolicy
    package let rules: RetryRules

    package init(retry: RetryPolicy, rules: RetryRules = .standard) {
        self.retry = retry
        self.rules = rules
    }

    /// - Returns: nil when nothing must be written: the handler has settled, or the lease is lost.
    package func verdict(
        of ending: Result<AttemptOutcome, any Error>?,
        stopped reason: StopReason?,
        task: ClaimedTask,
        using generator: inout some RandomNumberGenerator
    ) -> Settlement.Verdict? {
        if reason == .leaseLost { return nil }
        switch ending {
        case .success(.settledByHandler): return nil
        case .success(.completed): return .completed
        case .success(.cancelled(let why)): return .cancelled(reason: why)
        case .success(.snoozed(let delay, let why)): return .snoozed(for: delay, reason: why)
        case .success(.declined(let reason)): return .declined(reason)
        case .success(.dead(let failure)): return .dead(failure)
        case .failure(is StaleLease): return nil
        case .failure, nil:
            switch reason {
            case .drain: return .released(after: .zero, reason: "the worker stopped before the attempt ended")
            case .deadline: return failed(.deadlineExceeded(after: task.timeout), task, using: &generator)
            case .stalled(let limit): return failed(.stalled(for: limit), task, using: &generator)
            case .cancelled(let why): return .cancelled(reason: why)
            case .leaseLost: return nil
            case nil:
                guard case .failure(let error) = ending else { return nil }
                return failed(Self.failure(of: error), task, using: &generator)
            }
        }
    }

    private func failed(
        _ failure: TaskFailure,
        _ task: ClaimedTask,
        using generator: inout some RandomNumberGenerator
    ) -> Settlement.Verdict {
        switch rules.action(for: failure.errorClass) {
        case .retry(let special):
            if task.attempt >= task.maxAttempts { return .dead(failure) }
            let backoff = special ?? retry.backoff
            return .retry(after: backoff.delay(afterAttempt: task.attempt, using: &generator), failure)
        case .snooze(let shortest, let longest):
            let delay = shortest + (longest - shortest) * Double.random(in: 0...1, using: &generator)
            return .snoozed(for: delay, reason: failure.description)
        case .bury: return .dead(failure)
        case .quarantine: return .quarantined(failure)
        case .discard: return .discarded(failure)
        case .cancel: return .cancelled(reason: failure.description)
        }
    }

    /// What is kept of an error: its own words where they are made for it, else only its type, since any other
    /// description may hold document text or secrets.
    package static func failure(of error: any Error) -> TaskFailure {
        switch error {
        case let failure as TaskFailure: failure
        case let convertible as any TaskFailureConvertible: convertible.taskFailure
        case let failure as any TransientFailure:
            TaskFailure(errorClass: "server.\(failure.isTransient ? "transient" : "failed")", message: "\(failure)")
        case is CancellationError: TaskFailure(errorClass: "attempt.cancelled", message: "the attempt was cancelled")
        default: TaskFailure(errorClass: "handler.failed", message: "the handler threw \(type(of: error))")
        }
    }
}
