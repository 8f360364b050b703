internal import SluiceCore
internal import Synchronization

/// Clears processing lists: all of those of incarnations that are gone, and of others what has stood in them from one round
/// to the next, since the answer to its fetch was lost on the way. The tasks are safe without it: the store knows them. This
/// only keeps Redis from filling up.
final class Reclaimer: Sendable {
    private let store: any TaskStore
    private let hints: any TaskHints
    /// What live incarnations held at the last round.
    private let seen = Mutex<[WorkerID: Set<TaskID>]>([:])

    init(store: any TaskStore, hints: any TaskHints) {
        self.store = store
        self.hints = hints
    }

    /// A fetched id is claimed within milliseconds, so what is met twice was forgotten. Rounds must be seconds apart.
    ///
    /// - Returns: how many hints were cleared; the relay brings those of them that are still available.
    func round() async throws -> Int {
        let listed = try await hints.incarnations()
        let gone = listed.isEmpty ? [] : Set(try await store.goneWorkers(among: listed))
        var cleared = 0
        for worker in gone { cleared += try await hints.reclaim(worker: worker).count }
        var held: [WorkerID: Set<TaskID>] = [:]
        let before = seen.withLock { $0 }
        for worker in listed where !gone.contains(worker) {
            let now = Set(try await hints.held(by: worker))
            let stuck = now.intersection(before[worker] ?? [])
            if !stuck.isEmpty { try await hints.acknowledge(stuck.sorted(), worker: worker) }
            held[worker] = now.subtracting(stuck)
            cleared += stuck.count
        }
        seen.withLock { $0 = held }
        return cleared
    }
}
