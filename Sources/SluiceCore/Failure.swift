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
}
