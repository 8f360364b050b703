package import SluiceCore
internal import Synchronization

/// One call on a connection: whether it waits, runs or has ended, and until when it may run.
///
/// Shared by the connection's thread, which runs it, and the caller's task, which may cancel it.
package final class PGCall: Sendable {
    private enum Phase { case waiting, running, cancelled, ended }

    private struct State {
        var phase = Phase.waiting
        var deadline: Instant?
    }

    private let state = Mutex(State())
    private let limit: Duration?

    /// - Parameter limit: how long it may run, from its beginning; nil for ever.
    package init(limit: Duration?) { self.limit = limit }

    /// False when it was cancelled before it began.
    package func begin(at now: Instant = .now) -> Bool {
        state.withLock { state in
            guard state.phase == .waiting else { return false }
            state.phase = .running
            state.deadline = limit.map { now + $0 }
            return true
        }
    }

    package func end() { state.withLock { $0.phase = .ended } }

    /// True when it runs and must be cancelled on the server, which then has `grace` to say so.
    package func cancel(grace: Duration, at now: Instant = .now) -> Bool {
        state.withLock { state in
            switch state.phase {
            case .waiting:
                state.phase = .cancelled
                return false
            case .running:
                state.deadline = state.deadline.map { min($0, now + grace) } ?? now + grace
                return true
            case .cancelled, .ended: return false
            }
        }
    }

    /// Time left, at most `slice`; nil when it is over.
    ///
    /// Slices, because a cancellation brings the deadline nearer while the thread already waits.
    package func remaining(slice: Duration, at now: Instant = .now) -> Duration? {
        guard let deadline = state.withLock({ $0.deadline }) else { return slice }
        let left = deadline - now
        return left > .zero ? min(left, slice) : nil
    }
}
