package import Logging
internal import SluiceCore

/// Enqueues, and hints at what was enqueued once that has committed.
package struct Enqueuer: Sendable {
    private let store: any TaskStore
    private let hints: (any TaskHints)?
    private let logger: Logger
    /// Ids beyond this wait for the relay, which chooses fairly: the short way is for an idle fleet.
    package static let windowLimit = RelayWindow.smallest

    package init(store: any TaskStore, hints: (any TaskHints)?, logger: Logger) {
        self.store = store
        self.hints = hints
        self.logger = logger
    }

    @discardableResult
    package func enqueue(_ tasks: [NewTask]) async throws -> [EnqueuedTask] {
        let enqueued = try await store.enqueue(tasks)
        await announce(enqueued)
        return enqueued
    }

    /// Hints at tasks whose transaction has committed. Best effort: the relay brings what this does not.
    package func announce(_ tasks: [EnqueuedTask]) async {
        guard let hints else { return }
        let available = tasks.filter(\.isAvailable)
        for (queue, group) in Dictionary(grouping: available, by: \.queue) {
            do {
                _ = try await hints.announce(group.map(\.id), queue: queue, windowLimit: Self.windowLimit)
            } catch {
                logger.debug("no hint for new tasks; the relay brings them", metadata: ["error": "\(error)"])
                return
            }
        }
    }
}
