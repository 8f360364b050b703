internal import SluiceCore

/// Clears the processing lists of incarnations that are gone. Their tasks are safe without it: the store knows them. This
/// only keeps Redis from filling up.
struct Reclaimer: Sendable {
    let store: any TaskStore
    let hints: any TaskHints

    func round() async throws -> Bool {
        let listed = try await hints.incarnations()
        if listed.isEmpty { return false }
        let gone = try await store.goneWorkers(among: listed)
        for worker in gone { _ = try await hints.reclaim(worker: worker) }
        return false
    }
}
