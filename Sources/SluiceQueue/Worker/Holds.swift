internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// The shared form of `HoldTable`: decides under the lock; stopping attempts happens outside it.
final class Holds: Sendable {
    private let table = Mutex(HoldTable<Attempt>())
    /// Rung when nothing is held any more.
    let quiet = Bell()

    var fences: [Fence] { table.withLock { $0.fences } }
    var runningCount: Int { table.withLock { $0.runningCount } }
    var isQuiet: Bool { table.withLock { $0.isQuiet } }

    func begin(_ worker: WorkerID) { table.withLock { $0.begin(worker) } }

    func claimed(_ tasks: [ClaimedTask], by worker: WorkerID) -> Bool {
        table.withLock { $0.claimed(tasks.map(\.fence), by: worker) }
    }

    /// Starts `body` as the attempt unless the claim was lost. Under the lock, so that the attempt cannot end before it
    /// stands in the table.
    func start(
        _ attempt: Attempt,
        deadline: Instant,
        stallLimit: Duration?,
        _ body: @escaping @Sendable () async -> Void
    ) -> Bool {
        table.withLock { table in
            guard table.start(attempt.task.fence, attempt, deadline: deadline, stallLimit: stallLimit) else {
                return false
            }
            attempt.launch(body)
            return true
        }
    }

    func finish(_ fence: Fence) -> HoldTable<Attempt>.Finish {
        let (finish, isQuiet) = table.withLock { ($0.finish(fence), $0.isQuiet) }
        if isQuiet { quiet.ring() }
        return finish
    }

    func remove(_ fences: [Fence]) {
        let isQuiet = table.withLock { table in
            for fence in fences { table.remove(fence) }
            return table.isQuiet
        }
        if isQuiet { quiet.ring() }
    }

    var running: [(attempt: Attempt, reason: StopReason?)] { table.withLock { $0.running } }

    func progressed(_ fence: Fence) { table.withLock { $0.progressed(fence, at: .now) } }
    func cancel(_ reasons: [Fence: String]) -> [Attempt] { table.withLock { $0.cancel(reasons, at: .now) } }
    func lose(_ fences: Set<Fence>) -> [Attempt] { table.withLock { $0.lose(fences, at: .now) } }
    func loseAll() -> [Attempt] { table.withLock { $0.loseAll(at: .now) } }
    func stopAll(_ reason: StopReason) -> [Attempt] { table.withLock { $0.stopAll(reason, at: .now) } }

    func enforceDeadlines(at now: Instant, grace: Duration) -> (due: [Attempt], hung: [Attempt]) {
        let result = table.withLock { $0.enforceDeadlines(at: now, grace: grace) }
        if isQuiet { quiet.ring() }
        return result
    }
}
