internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One queue's lane in a worker: its state behind a lock, and the bell that its claim loop waits on.
final class Lane: Sendable {
    let queue: QueueName
    let bell = Bell()
    private let state: Mutex<LaneState>
    private let idle = Atomic<Bool>(false)
    private let heldUp = Atomic<Bool>(false)

    init(queue: QueueName, concurrency: Int, lookahead: Duration) {
        self.queue = queue
        state = Mutex(LaneState(concurrency: concurrency, lookahead: lookahead))
    }

    /// True while its claim loop rests for want of work.
    var isIdle: Bool { idle.load(ordering: .relaxed) }
    func setIdle(_ value: Bool) { idle.store(value, ordering: .relaxed) }

    /// True while its claim loop waits for the backlog of verdicts to shrink.
    var isHeldUp: Bool { heldUp.load(ordering: .relaxed) }
    func setHeldUp(_ value: Bool) { heldUp.store(value, ordering: .relaxed) }

    func room() -> Int { state.withLock { $0.room() } }
    func claimed(_ tasks: [ClaimedTask]) { state.withLock { $0.claimed(tasks, at: .now) } }
    func take() -> ClaimedTask? { state.withLock { $0.take(at: .now) } }
    func drain() -> [ClaimedTask] { state.withLock { $0.drain() } }

    func drainStuck(at now: Instant, limit: Duration) -> [ClaimedTask] {
        state.withLock { $0.drainStuck(at: now, limit: limit) }
    }

    /// - Parameter duration: nil when it says nothing about the pace.
    func ended(after duration: Duration?) {
        if state.withLock({ $0.ended(after: duration) }) { bell.ring() }
    }
}
