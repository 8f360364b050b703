internal import SluiceCore

/// Clears the processing lists of incarnations that are gone. Their tasks are safe without it: the store knows them. This
/// only keeps Redis from filling up.
struct Reclaimer: Sendable {
    let store: any TaskStore
    let hints: any TaskHints

    /// - Returns: how many hints were found; the relay brings those of them that are still available.
    func round() async throws -> Int {
        let listed = try await hints.incarnations()
        if listed.isEmpty { return 0 }
        var found = 0
        for worker in try await store.goneWorkers(among: listed) {
            found += try await hints.reclaim(worker: worker).count
        }
        return found
    }
}
