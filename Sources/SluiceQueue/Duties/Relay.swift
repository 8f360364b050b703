internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Fills the windows of hints from the store, fairly and within what controls allow. Writes nothing there: a new leader may
/// push doubles, which a claim drops.
final class Relay: Sendable {
    struct State {
        var windows: [QueueName: RelayWindow] = [:]
        var selectors: [QueueName: FairSelector] = [:]
        var memories: [QueueName: StreamMemory] = [:]
        /// Where the next page of streams begins, for queues with more than one page of them.
        var pages: [QueueName: TenantID] = [:]
        var dispatch = DispatchState(queues: [])
        var readAt: Instant?
        var gatesSetAt: Instant?
        var lastRound: Instant?
    }

    let store: any TaskStore
    let hints: any TaskHints
    let order: AgingOrder
    let state = Mutex(State())
    /// Queues, controls and slots change rarely; windows by the millisecond.
    private static let refresh = Duration.milliseconds(250)
    /// Gates stay closed for longer than that by themselves, and no longer than they must when the relay is gone.
    private static let gateRefresh = Duration.seconds(5)

    init(store: any TaskStore, hints: any TaskHints, order: AgingOrder) {
        self.store = store
        self.hints = hints
        self.order = order
    }

    /// How long ago windows were last filled: what a task without a hint of its own waits at most.
    var lag: Duration { state.withLock { $0.lastRound }?.elapsed ?? .zero }

    /// These may run again: they are hinted at with the next round.
    func forget(_ ids: [RescuedTask]) {
        state.withLock { state in
            for task in ids {
                state.windows[task.queue]?.forget(CollectionOfOne(task.id))
                state.memories[task.queue]?.cameBack(from: nil)
            }
        }
    }

    /// These have become available, long after others that were to run later perhaps.
    func promoted(_ promotions: [QueueName: Promotion]) {
        state.withLock { state in
            for (queue, promotion) in promotions { state.memories[queue]?.cameBack(from: promotion.earliest) }
        }
    }

    /// Looks for tasks before the places from which streams are read, where those are remembered. Beside the rounds: it may
    /// take seconds.
    func review() async throws {
        let due = state.withLock { state in
            state.memories.keys.compactMap { queue in
                guard let reach = state.memories[queue]?.review(at: .now) else { return nil }
                return (queue, reach, state.memories[queue]?.begin(reach) ?? [])
            } as [(QueueName, StreamMemory.Reach, [StreamRequest])]
        }
        for (queue, reach, requests) in due {
            let began = ContinuousClock.now
            let heads = try await store.heads(queue: queue, of: requests)
            let now = ContinuousClock.now
            state.withLock { $0.memories[queue]?.reviewed(reach, heads, cost: now - began, at: now) }
        }
    }

    func round() async throws -> Duty.Yield {
        let dispatch = try await currentState()
        let counts = try await hints.windowCounts(dispatch.queues.map(\.name))
        var result = Duty.Yield.nothing
        for queue in dispatch.queues {
            let filled = try await fill(queue, dispatch.controls, inWindow: counts[queue.name] ?? 0)
            result = max(result, filled)
        }
        state.withLock { $0.lastRound = .now }
        return result
    }

    private func fill(_ queue: QueueState, _ controls: Controls, inWindow: Int) async throws -> Duty.Yield {
        let name = queue.name
        let plan = state.withLock { state in
            state.windows[name, default: RelayWindow()].plan(
                slots: queue.slots,
                isClosed: controls.isClosed(name),
                inWindow: inWindow,
                at: .now
            )
        }
        if plan.clears { try await hints.clear(queue: name) }
        guard plan.wanted > 0 else { return .nothing }
        if inWindow > 0 { try await lookInto(name) }
        let fill = RelayFill(relay: self, queue: name, controls: controls)
        let choice = try await fill.choose(plan.wanted)
        guard !choice.tasks.isEmpty else { return choice.isHeldBack ? .heldBack : .nothing }
        let taken = try await hints.offer(choice.tasks.map(\.id), queue: name, windowLimit: plan.target)
        state.withLock { $0.windows[name]?.pushed(choice.tasks.prefix(taken), at: .now) }
        try await fill.returnTokens(of: choice, used: choice.tasks.prefix(taken))
        if choice.hasMore || taken >= RelayWindow.smallest / 2 { return .plenty }
        return choice.isHeldBack ? .heldBack : .some
    }

    /// Learns what the window holds, and whose it is.
    private func lookInto(_ queue: QueueName) async throws {
        let present = try await hints.windowIDs(queue)
        let unknown = state.withLock { $0.windows[queue]?.observe(present, at: .now) ?? [] }
        guard !unknown.isEmpty else { return }
        let known = try await store.available(among: unknown)
        state.withLock { $0.windows[queue]?.learn(known, at: .now) }
    }

    // MARK: - Controls

    private func currentState() async throws -> DispatchState {
        let known = state.withLock { state in
            state.readAt.map { $0.elapsed < Self.refresh } == true ? state.dispatch : nil
        }
        if let known { return known }
        let new = try await store.dispatchState()
        let (old, gatesAreOld) = state.withLock { state in
            defer {
                state.dispatch = new
                state.readAt = .now
            }
            return (state.dispatch, state.gatesSetAt.map { $0.elapsed > Self.gateRefresh } ?? true)
        }
        if old.controls != new.controls || gatesAreOld {
            try await setGates(new)
            try await withdrawClosed(new)
            state.withLock { $0.gatesSetAt = .now }
        }
        return new
    }

    /// Under a control the relay alone decides what is hinted at.
    private func setGates(_ dispatch: DispatchState) async throws {
        let names = dispatch.queues.map(\.name)
        let closed = names.filter { !dispatch.controls.concerning($0).isEmpty }
        try await hints.setGates(closed: closed, open: names.filter { !closed.contains($0) })
    }

    /// What may not start any more leaves the windows at once; a claim would refuse it anyway.
    private func withdrawClosed(_ dispatch: DispatchState) async throws {
        let isNeeded = dispatch.controls.all.contains { control in
            if case .queue = control.scope { return false }
            return control.isClosed
        }
        guard isNeeded else { return }
        for queue in dispatch.queues where !dispatch.controls.isClosed(queue.name) {
            let name = queue.name
            state.withLock { state in
                if state.windows[name] == nil { state.windows[name] = RelayWindow() }
            }
            try await lookInto(name)
            let closed = state.withLock { state in
                state.windows[name]?.outstanding { tenant, kind in
                    dispatch.controls.isClosed(queue: name, tenant: tenant, kind: kind)
                } ?? []
            }
            if closed.isEmpty { continue }
            _ = try await hints.withdraw(closed, queue: name)
            state.withLock { $0.windows[name]?.forget(closed) }
        }
    }
}
