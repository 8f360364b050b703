internal import SluiceCore
internal import Synchronization

/// Who this worker is at the moment, and how long that may be trusted. Begins anew when the lease was lost.
final class Incarnation: Sendable {
    private struct State {
        var id = WorkerID.random()
        var clock: LeaseClock
    }

    private let state: Mutex<State>

    init(leaseLength: Duration) {
        state = Mutex(State(clock: LeaseClock(length: leaseLength, registeredAt: .now)))
    }

    var id: WorkerID { state.withLock { $0.id } }
    var trustedUntil: Instant { state.withLock { $0.clock.trustedUntil } }
    var interval: Duration { state.withLock { $0.clock.interval } }

    func renewed(sentAt sent: Instant) { state.withLock { $0.clock.renewed(sentAt: sent) } }

    /// A new id, whose lease runs from `sent`, when its registration was sent.
    func begin(_ id: WorkerID, sentAt sent: Instant) {
        state.withLock { $0 = State(id: id, clock: LeaseClock(length: $0.clock.length, registeredAt: sent)) }
    }
}
