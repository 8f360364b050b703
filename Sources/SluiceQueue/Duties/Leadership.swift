internal import SluiceCore
internal import Synchronization

/// What a coordinator knows of its leadership: the term, and until when it may trust it, counted from when the lease was
/// asked for and ending before the lease does.
final class Leadership: Sendable {
    private struct State {
        var term: Int64?
        var trustedUntil = Instant.now
    }

    private let state = Mutex(State())
    let length: Duration

    init(length: Duration) { self.length = length }

    /// The term while this coordinator may act as the leader.
    var term: Int64? { state.withLock { $0.trustedUntil > .now ? $0.term : nil } }

    /// True when this made it the leader, or ended that.
    func answered(_ term: Int64?, sentAt sent: Instant) -> Bool {
        state.withLock { state in
            let had = state.trustedUntil > .now ? state.term : nil
            state.term = term
            if term != nil { state.trustedUntil = sent + (length - length / 5) }
            return had != term
        }
    }

    func forget() { state.withLock { $0.term = nil } }
}
