internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Exchanges with the store about once a second: progress goes out, orders come in. On the lease's thread, so that busy
/// handlers cannot keep an order to stop them from arriving.
final class ControlKeeper: Sendable {
    private let worker: Worker
    private let thread: LoopThread
    private let bell = Bell()
    private let isOver = Atomic<Bool>(false)
    private let lastRequest = Mutex<(worker: WorkerID, request: WorkerRequest)?>(nil)

    init(worker: Worker, thread: LoopThread) {
        self.worker = worker
        self.thread = thread
    }

    /// Ends `run`, after the drain.
    func end() {
        isOver.store(true, ordering: .relaxed)
        bell.ring()
    }

    func run(_ shutdown: Shutdown) async {
        guard let control = worker.control else { return }
        let queues = worker.lanes.map(\.queue)
        var failures = 0
        while !isOver.load(ordering: .relaxed) {
            if let me = worker.lease.withLock({ $0.trusted(at: .now) }) {
                let progress = worker.progress.take()
                do {
                    let orders = try await control.exchange(me, queues: queues, progress: progress)
                    failures = 0
                    obey(orders, of: me, shutdown)
                } catch {
                    worker.progress.putBack(progress)
                    failures += 1
                    // The lease keeper says so too, and louder.
                    if failures == 5 {
                        worker.logger.warning("orders cannot be read", metadata: ["error": "\(error)"])
                    }
                }
            } else {
                // What was said under a lost lease would be refused.
                _ = worker.progress.take()
            }
            let pause = worker.configuration.controlInterval * Double(min(1 << failures, 8))
            _ = await bell.wait(until: .now + pause * Double.random(in: 0.9...1), on: thread)
        }
    }

    private func obey(_ orders: ControlOrders, of me: WorkerID, _ shutdown: Shutdown) {
        if !orders.cancelled.isEmpty { worker.cancel(orders.cancelled) }
        if orders.hasSuspects { worker.suspects.ring() }
        guard let request = orders.request else { return }
        let isNew = lastRequest.withLock { last in
            defer { last = (me, request) }
            return last.map { $0 != (me, request) } ?? true
        }
        // An order stands until another is given; a signal in between must prevail.
        guard isNew else { return }
        switch request {
        case .live: worker.setQuiet(false)
        case .quiet: worker.setQuiet(true)
        case .drain: shutdown.advance(to: .draining)
        }
    }
}
