internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Fills the windows of hints from the store. Writes nothing there: a new leader may push doubles, which a claim drops.
final class Relay: Sendable {
    private struct State {
        var windows: [QueueName: RelayWindow] = [:]
        var queues: [QueueState] = []
        var readAt: Instant?
        var lastRound: Instant?
    }

    private let store: any TaskStore
    private let hints: any TaskHints
    private let state = Mutex(State())
    /// Queues, pauses and slots change rarely; windows by the millisecond.
    private static let queueRefresh = Duration.milliseconds(250)

    init(store: any TaskStore, hints: any TaskHints) {
        self.store = store
        self.hints = hints
    }

    /// How long ago windows were last filled: what a task without a hint of its own waits at most.
    var lag: Duration { state.withLock { $0.lastRound }?.elapsed ?? .zero }

    /// These may run again: they are hinted at with the next round.
    func forget(_ ids: [RescuedTask]) {
        state.withLock { state in
            for task in ids { state.windows[task.queue]?.forget(CollectionOfOne(task.id)) }
        }
    }

    func round() async throws -> Duty.Yield {
        let queues = try await currentQueues()
        let counts = try await hints.windowCounts(queues.map(\.name))
        var result = Duty.Yield.nothing
        for queue in queues {
            let pushed = try await fill(queue, inWindow: counts[queue.name] ?? 0)
            if pushed > 0 { result = pushed >= RelayWindow.smallest / 2 || result == .plenty ? .plenty : .some }
        }
        state.withLock { $0.lastRound = .now }
        return result
    }

    private func fill(_ queue: QueueState, inWindow: Int) async throws -> Int {
        let name = queue.name
        let (plan, ask) = state.withLock { state in
            var window = state.windows[name] ?? RelayWindow()
            let plan = window.plan(for: queue, inWindow: inWindow, at: .now)
            state.windows[name] = window
            return (plan, window.ask(for: plan.wanted))
        }
        if plan.clears { try await hints.clear(queue: name) }
        guard plan.wanted > 0 else { return 0 }
        let present = inWindow == 0 ? [] : try await hints.windowIDs(name)
        let candidates = try await store.candidates(queue: name, limit: ask, excluding: present)
        let chosen = state.withLock { $0.windows[name]?.choose(candidates, wanted: plan.wanted) ?? [] }
        if chosen.isEmpty { return 0 }
        let taken = try await hints.offer(chosen, queue: name, windowLimit: plan.target)
        state.withLock { $0.windows[name]?.pushed(chosen.prefix(taken), at: .now) }
        return taken
    }

    private func currentQueues() async throws -> [QueueState] {
        let known = state.withLock { state in
            state.readAt.map { $0.elapsed < Self.queueRefresh } == true ? state.queues : nil
        }
        if let known { return known }
        let queues = try await store.queues()
        state.withLock { state in
            state.queues = queues
            state.readAt = .now
        }
        return queues
    }
}
