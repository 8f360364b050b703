package import SluiceCore

/// The clocks of one attempt that the worker itself keeps: the hard deadline, and the progress that a handler promised by
/// reporting it once. The third clock, the lease, is the worker's: see `LeaseClock`.
///
/// A pure value.
package struct AttemptClocks: Sendable, Equatable {
    package let deadline: Instant
    /// How long a handler that reports progress may report none; nil: for as long as it likes.
    package let stallLimit: Duration?
    private var lastProgress: Instant?

    package init(deadline: Instant, stallLimit: Duration? = nil) {
        self.deadline = deadline
        self.stallLimit = stallLimit
    }

    package mutating func progressed(at now: Instant) { lastProgress = max(lastProgress ?? now, now) }

    /// Why the attempt must stop now; nil while it may go on. The deadline comes first.
    package func overrun(at now: Instant) -> StopReason? {
        if now >= deadline { return .deadline }
        if let stallLimit, let lastProgress, now - lastProgress >= stallLimit { return .stalled(stallLimit) }
        return nil
    }
}
