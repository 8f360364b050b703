internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Fills the windows of hints from the store. Writes nothing there: a new leader may push doubles, which a claim drops.
final class Relay: Sendable {
    private let store: any TaskStore
    private let hints: any TaskHints
    private let queues = Mutex<(at: Instant, states: [QueueState])?>(nil)
    private let lag = Mutex<Duration>(.zero)
    /// Queues, pauses and slots change rarely; windows by the millisecond.
    private static let queueRefresh = Duration.milliseconds(250)

    init(store: any TaskStore, hints: any TaskHints) {
        self.store = store
        self.hints = hints
    }

    /// How long the last round took: what a task waits at most between becoming available and being hinted at.
    var roundTime: Duration { lag.withLock { $0 } }

    func round() async throws -> Bool {
        let start = ContinuousClock.now
        defer { lag.withLock { $0 = start.elapsed } }
        let states = try await currentQueues()
        let counts = try await hints.windowCounts(states.map(\.name))
        var pushed = 0
        for queue in states {
            let plan = RelayPlan(queue: queue, inWindow: counts[queue.name] ?? 0)
            if plan.clears { try await hints.clear(queue: queue.name) }
            guard plan.wanted > 0 else { continue }
            let present = (counts[queue.name] ?? 0) == 0 ? [] : try await hints.windowIDs(queue.name)
            let ids = try await store.candidates(queue: queue.name, limit: plan.wanted, excluding: present)
            if ids.isEmpty { continue }
            pushed += try await hints.offer(ids, queue: queue.name, windowLimit: plan.target)
        }
        // A full round was needed: workers are fast, look again at once.
        return pushed >= 64
    }

    private func currentQueues() async throws -> [QueueState] {
        if let known = queues.withLock({ $0 }), known.at.elapsed < Self.queueRefresh { return known.states }
        let states = try await store.queues()
        queues.withLock { $0 = (.now, states) }
        return states
    }
}
