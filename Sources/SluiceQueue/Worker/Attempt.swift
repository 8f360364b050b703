internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One attempt in this worker: what runs, for whom, and the handle by which it is stopped.
final class Attempt: Sendable {
    let context: AttemptContext
    let handler: HandlerRegistry.Handler
    let lane: Lane
    let startedAt = ContinuousClock.now
    private let run = Mutex<Detached?>(nil)
    private let hasLeft = Atomic<Bool>(false)

    var task: ClaimedTask { context.task }

    init(context: AttemptContext, handler: HandlerRegistry.Handler, lane: Lane) {
        self.context = context
        self.handler = handler
        self.lane = lane
    }

    /// Once. A task of its own, so that it can be stopped by itself, and left behind when it hangs.
    func launch(_ body: @escaping @Sendable () async -> Void) { run.withLock { $0 = detached(body) } }

    /// Frees the slot; the first time only: a hung attempt is given up before it ends.
    func leaveLane(after duration: Duration?) {
        if !hasLeft.exchange(true, ordering: .relaxed) { lane.ended(after: duration) }
    }

    /// Asks the handler to stop.
    func cancel() { run.withLock { $0 }?.cancel() }
}
