internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Writes verdicts in batches: at once when nothing is under way, else with whatever gathered meanwhile.
///
/// Commits a second are the ceiling of a queue, so all that ends during one flush goes into the next. There is no timer
/// and no loop: whoever comes first flushes, and goes on until nothing is left. Each caller waits for its own verdict, so
/// the backlog is bounded by the worker's slots.
final class Settler: Sendable {
    enum Ending: Sendable, Equatable {
        case written
        /// The lease was another's; the verdict was discarded.
        case stale
        /// The store could not be reached while the lease was trusted; the rescuer owns the task.
        case lost
    }

    private struct State {
        var waiting: [(settlement: Settlement, continuation: CheckedContinuation<Ending, Never>)] = []
        var isFlushing = false
    }

    private let store: any TaskStore
    private let logger: Logger
    private let worker: @Sendable () -> (id: WorkerID, trustedUntil: Instant)
    private let state = Mutex(State())
    private let staleCount = Atomic<Int>(0)
    static let batchLimit = 500

    init(
        store: any TaskStore,
        logger: Logger,
        worker: @escaping @Sendable () -> (id: WorkerID, trustedUntil: Instant)
    ) {
        self.store = store
        self.logger = logger
        self.worker = worker
    }

    /// Verdicts refused because another attempt owns the task.
    var stale: Int { staleCount.load(ordering: .relaxed) }

    func settle(_ settlement: Settlement) async -> Ending {
        await withCheckedContinuation { continuation in
            let isFirst = state.withLock { state -> Bool in
                state.waiting.append((settlement, continuation))
                defer { state.isFlushing = true }
                return !state.isFlushing
            }
            // Not a child of the caller: it must flush what others wait for even when the caller is cancelled.
            if isFirst { detached { await self.flushAll() } }
        }
    }

    private func flushAll() async {
        while true {
            let batch = state.withLock { state in
                let count = min(Self.batchLimit, state.waiting.count)
                let batch = Array(state.waiting.prefix(count))
                state.waiting.removeFirst(count)
                if batch.isEmpty { state.isFlushing = false }
                return batch
            }
            if batch.isEmpty { return }
            let endings = await write(batch.map(\.settlement))
            for (entry, ending) in zip(batch, endings) { entry.continuation.resume(returning: ending) }
        }
    }

    private func write(_ settlements: [Settlement]) async -> [Ending] {
        var failures = 0
        while true {
            let (id, trustedUntil) = worker()
            do {
                let refused = try await store.settle(settlements, worker: id)
                if !refused.isEmpty {
                    staleCount.add(refused.count, ordering: .relaxed)
                    logger.warning("verdicts of lost leases were discarded", metadata: ["count": "\(refused.count)"])
                }
                return settlements.map { refused.contains($0.fence) ? .stale : .written }
            } catch where error.isTransientFailure {
                failures += 1
                let delay = Duration.milliseconds(Int.random(in: 1...min(1_000, 20 << min(failures, 6))))
                if ContinuousClock.now + delay >= trustedUntil {
                    logger.error(
                        "settling failed until the lease ran out; the tasks will be rescued",
                        metadata: ["count": "\(settlements.count)", "error": "\(error)"]
                    )
                    return settlements.map { _ in .lost }
                }
                try? await Task.sleep(for: delay)
            } catch {
                return await split(settlements, after: error)
            }
        }
    }

    /// One verdict that cannot be written must not take the others with it.
    private func split(_ settlements: [Settlement], after error: any Error) async -> [Ending] {
        if settlements.count > 1 {
            let middle = settlements.count / 2
            return await write(Array(settlements[..<middle])) + (await write(Array(settlements[middle...])))
        }
        logger.error(
            "a verdict cannot be written; the task is given back",
            metadata: ["task.id": "\(settlements[0].fence.task)", "error": "\(error)"]
        )
        let release = Settlement(
            settlements[0].fence,
            .released(after: .seconds(60), reason: "its verdict could not be written")
        )
        let refused = try? await store.settle([release], worker: worker().id)
        return [refused.map { $0.isEmpty ? .written : .stale } ?? .lost]
    }
}
