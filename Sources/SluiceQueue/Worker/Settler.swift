internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Writes verdicts in batches, as `SettleQueue` decides, until the lease under which they were claimed has ended.
final class Settler: Sendable {
    private let store: any TaskStore
    private let logger: Logger
    private let thread: LoopThread
    private let counters: WorkerCounters
    /// Called when nothing more will be written for these claims.
    private let done: @Sendable ([Fence]) -> Void
    private let queue: Mutex<SettleQueue>
    private let bell = Bell()
    private let draining = Atomic<Bool>(false)

    init(
        store: any TaskStore,
        logger: Logger,
        thread: LoopThread,
        counters: WorkerCounters,
        queue: SettleQueue = SettleQueue(),
        done: @escaping @Sendable ([Fence]) -> Void
    ) {
        self.store = store
        self.logger = logger
        self.thread = thread
        self.counters = counters
        self.done = done
        self.queue = Mutex(queue)
    }

    var backlog: Int { queue.withLock { $0.backlog } }
    /// False while the store cannot keep up: claim nothing meanwhile.
    var acceptsMore: Bool { queue.withLock { $0.accepts() } }

    func begin(_ worker: WorkerID) { queue.withLock { $0.begin(worker) } }

    func append(_ settlement: Settlement, by worker: WorkerID) {
        if queue.withLock({ $0.append(settlement, by: worker, at: .now) }) { bell.ring() }
    }

    /// Gives up what is not written yet: the lease has ended. What is under way is still fenced.
    func abandon() {
        let given = queue.withLock { $0.abandon() }
        if given.isEmpty { return }
        logger.error(
            "verdicts could not be written before the lease ended; the tasks run again",
            metadata: ["count": "\(given.count)"]
        )
        counters.add { $0.stale += given.count }
        bell.ring()
    }

    /// Writes without lingering from here on, and ends `run` when nothing is left.
    func finish() {
        draining.store(true, ordering: .relaxed)
        bell.ring()
    }

    /// Runs until `finish` was called and all is written or abandoned.
    func run() async {
        await withDiscardingTaskGroup { group in
            while true {
                let isDraining = draining.load(ordering: .relaxed)
                let (step, isEmpty) = queue.withLock { ($0.next(at: .now, isDraining: isDraining), $0.isEmpty) }
                switch step {
                case .flush(let flush):
                    group.addTask { [self] in
                        await write(flush)
                        bell.ring()
                    }
                case .wait(let until):
                    if isDraining && isEmpty { return }
                    _ = await bell.wait(until: until, on: thread)
                }
            }
        }
    }

    private func write(_ flush: SettleQueue.Flush) async {
        do {
            FailPoint.pass(.beforeSettle)
            let refused = try await store.settle(flush.settlements, worker: flush.worker)
            FailPoint.pass(.afterSettle)
            queue.withLock { $0.succeeded(flush) }
            counters.wrote(flush.settlements, refused: refused.count)
            if !refused.isEmpty {
                logger.warning("verdicts of lost leases were discarded", metadata: ["count": "\(refused.count)"])
            }
            done(flush.settlements.map(\.fence))
        } catch  where error.isTransientFailure {
            var generator = SystemRandomNumberGenerator()
            queue.withLock { $0.failedForNow(flush, at: .now, using: &generator) }
            logger.warning(
                "settling failed and is tried again",
                metadata: ["count": "\(flush.settlements.count)", "error": "\(error)"]
            )
        } catch {
            guard let poison = queue.withLock({ $0.failedForGood(flush, at: .now) }) else { return }
            logger.error(
                "a verdict cannot be written",
                metadata: ["task.id": "\(poison.fence.task)", "error": "\(error)"]
            )
            await giveBack(poison, by: flush.worker)
        }
    }

    /// A verdict that the store does not take: the task goes back, once. When even that is refused, it stays until its
    /// lease or its deadline ends.
    private func giveBack(_ poison: Settlement, by worker: WorkerID) async {
        let release = Settlement(
            poison.fence,
            .released(after: .seconds(60), reason: "its verdict could not be written")
        )
        do {
            let refused = try await store.settle([release], worker: worker)
            counters.wrote([release], refused: refused.count)
        } catch {
            logger.error(
                "a task could not be given back; it runs again after its deadline",
                metadata: ["task.id": "\(poison.fence.task)", "error": "\(error)"]
            )
        }
        done([poison.fence])
    }
}
