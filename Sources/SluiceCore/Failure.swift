/// An error that can say whether the same call may succeed later without anyone changing anything.
///
/// Connection losses, time-outs, serialization failures: yes. Constraint violations, bad input: no.
package protocol TransientFailure: Error {
    var isTransient: Bool { get }
}

extension Error {
    /// False for errors that do not say.
    package var isTransientFailure: Bool { (self as? any TransientFailure)?.isTransient ?? false }
}

/// What is kept of a failed attempt: safe to store and to show, without secrets, SQL or document text.
package struct TaskFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Short and stable, for grouping and policies: `extraction.crashed`, `lease.lost`, `deadline.exceeded`.
    package let errorClass: String
    /// One sentence for people: what happened, to what, what to do next. At most 2,000 characters are stored.
    package let message: String

    package init(errorClass: String, message: String) {
        self.errorClass = errorClass
        self.message = String(message.unicodeScalars.prefix(2_000))
    }

    package var description: String { "\(errorClass): \(message)" }

    /// The worker process ended while it held the task.
    package static let leaseLost = TaskFailure(
        errorClass: "lease.lost",
        message: "the worker stopped renewing its lease (killed, crashed or cut off); the task runs again"
    )
    /// The handler ran longer than its kind allows.
    package static func deadlineExceeded(after limit: Duration) -> TaskFailure {
        TaskFailure(
            errorClass: "deadline.exceeded",
            message: "the attempt ran longer than its limit of \(limit.inSeconds) s"
        )
    }
}

extension TaskFailure {
    /// The handler reported progress and then none for longer than its kind allows.
    package static func stalled(for limit: Duration) -> TaskFailure {
        TaskFailure(
            errorClass: "progress.stalled",
            message:
                "the handler reported no progress for \(limit.inSeconds) s, the limit of its kind; it hangs or waits for "
                + "something that does not come"
        )
    }

    /// Groups failures that differ only in numbers and quoted names: digits and quoted parts are folded to `#` and `''`.
    ///
    /// `extraction.timeout: no answer within 60 s` and `… within 120 s` share one fingerprint.
    package var fingerprint: String {
        var result = errorClass + ": "
        var quoted = false
        var lastWasDigit = false
        for scalar in message.unicodeScalars.prefix(500) {
            if scalar == "'" {
                quoted.toggle()
                result.unicodeScalars.append(scalar)
                continue
            }
            if quoted { continue }
            let isDigit = ("0"..."9").contains(scalar)
            if isDigit {
                if !lastWasDigit { result += "#" }
            } else {
                result.unicodeScalars.append(scalar)
            }
            lastWasDigit = isDigit
        }
        return result
    }
}
