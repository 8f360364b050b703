internal import SluiceCore
internal import Synchronization

/// What the relay has chosen for one window.
struct RelayChoice {
    var tasks: [Candidate] = []
    /// Tokens taken for them, and those left over.
    var tokens: [TokenRequest] = []
    /// True when caps or rates keep tasks back.
    var isHeldBack = false
    /// True when there are more places than this look could fill, and probably more tasks.
    var hasMore = false
}

/// One filling of one queue's window: reads the heads of streams, and lets the selector choose.
struct RelayFill {
    let relay: Relay
    let queue: QueueName
    let controls: Controls

    /// Streams looked at in one filling; beyond that they take turns.
    static let pageLength = StreamMemory.most
    /// How often one filling looks again for more of those tenants that have more.
    private static let looks = 3

    func choose(_ wanted: Int) async throws -> RelayChoice {
        var choice = RelayChoice()
        try await seekStreams()
        let began = ContinuousClock.now
        let remembered = relay.state.withLock { $0.memories[queue]?.remembered }
        let page = if let remembered { remembered } else { try await nextPage() }
        defer {
            if remembered == nil {
                let now = ContinuousClock.now
                relay.state.withLock {
                    $0.memories[queue, default: StreamMemory()].looked(page, cost: now - began, at: now)
                }
            }
        }
        let streams = page.streams.filter {
            !controls.isClosed(queue: queue, tenant: $0.tenant, kind: $0.kind)
        }
        if streams.isEmpty {
            choice.hasMore = !page.isWhole
            return choice
        }
        let (allowance, tokens) = try await allowance(wanted, streams)
        choice.tokens = tokens
        choice.isHeldBack = streams.contains { !allowance.admits($0.tenant, $0.kind) }
        let admitted = streams.filter { allowance.admits($0.tenant, $0.kind) }
        let window = relay.state.withLock { $0.windows[queue] ?? RelayWindow() }
        var reading = BacklogReading(admitted, room: wanted, outstanding: window.outstanding)
        var left = allowance
        for look in 1...Self.looks where !reading.isDone {
            let heads = try await heads(of: reading.requests, isWhole: remembered == nil)
            reading.received(heads)
            let backlogs = reading.backlogs(relay.order) { window.isOutstanding($0) }
            left = allowance
            let (tasks, selector) = relay.state.withLock { state in
                var selector = state.selectors[queue] ?? FairSelector()
                let tasks = selector.select(wanted, from: backlogs, isComplete: page.isWhole, allowance: &left)
                return (tasks, selector)
            }
            choice.tasks = tasks
            reading.widen(by: wanted - tasks.count)
            if tasks.count == wanted || reading.isDone || look == Self.looks {
                relay.state.withLock { state in
                    state.selectors[queue] = selector
                    state.memories[queue]?.chose(choice.tasks)
                }
                choice.hasMore = tasks.count < wanted && (!reading.isDone || !page.isWhole)
                break
            }
        }
        choice.isHeldBack = choice.isHeldBack || streams.contains { !left.admits($0.tenant, $0.kind) }
        if choice.tasks.isEmpty { try await returnTokens(of: choice, used: []) }
        return choice
    }

    /// Puts back what the tasks that went did not use.
    func returnTokens(of choice: RelayChoice, used: some Collection<Candidate>) async throws {
        let unused = choice.tokens.compactMap { request -> TokenRequest? in
            var request = request
            request.count -= used.count { request.scope.covers(queue: queue, tenant: $0.tenant, kind: $0.kind) }
            return request.count > 0 ? request : nil
        }
        if !unused.isEmpty { try await relay.hints.returnTokens(unused) }
    }

    // MARK: - Streams

    /// The first tasks of streams: all of them, or those from where the streams began at the last look.
    private func heads(of requests: [StreamRequest], isWhole: Bool) async throws -> [Candidate] {
        var requests = requests
        if !isWhole {
            let memory = relay.state.withLock { $0.memories[queue] ?? StreamMemory() }
            for index in requests.indices { requests[index].since = memory.start(of: requests[index].stream) }
        }
        let heads = try await relay.store.heads(queue: queue, of: requests)
        return relay.state.withLock { state in
            state.memories[queue, default: StreamMemory()].found(heads)
            if isWhole { return heads }
            let strays = state.memories[queue]?.strays(of: requests.map(\.stream)) ?? []
            if strays.isEmpty { return heads }
            let met = Set(heads.map(\.id))
            return heads + strays.filter { !met.contains($0.id) }
        }
    }

    /// Looks for streams that are not known, while they are remembered.
    private func seekStreams() async throws {
        let began = ContinuousClock.now
        let known = relay.state.withLock { state in
            state.memories[queue].flatMap { $0.seeks(at: began) ? $0.remembered?.streams : nil }
        }
        guard let known else { return }
        let new = try await relay.store.streams(queue: queue, besides: known)
        let now = ContinuousClock.now
        relay.state.withLock { $0.memories[queue]?.sought(new, cost: now - began, at: now) }
    }

    private func nextPage() async throws -> StreamMemory.Page {
        let after = relay.state.withLock { $0.pages[queue] }
        var streams = try await relay.store.streams(queue: queue, after: after, limit: Self.pageLength)
        if streams.isEmpty, after != nil {
            streams = try await relay.store.streams(queue: queue, after: nil, limit: Self.pageLength)
        }
        let isFull = streams.count == Self.pageLength
        let isWhole = after == nil && !isFull
        relay.state.withLock { $0.pages[queue] = isFull ? streams.last?.tenant : nil }
        return StreamMemory.Page(streams: streams, isWhole: isWhole)
    }

    // MARK: - Caps and rates

    private func allowance(_ wanted: Int, _ streams: [BacklogStream]) async throws -> (
        DispatchAllowance, [TokenRequest]
    ) {
        var allowance = DispatchAllowance(queue)
        let present = controls.concerning(queue).filter { control in
            streams.contains { control.scope.covers(queue: queue, tenant: $0.tenant, kind: $0.kind) }
        }
        let capped = present.filter { $0.maxRunning != nil }
        if !capped.isEmpty {
            let outstanding = relay.state.withLock { state in
                state.windows[queue]?.outstanding { tenant, kind in
                    capped.contains { $0.scope.covers(queue: queue, tenant: tenant, kind: kind) }
                } ?? []
            }
            // First what waits, then what runs: a claim in between counts twice, never not at all.
            let waiting = outstanding.isEmpty ? [] : try await relay.store.available(among: outstanding)
            let running = try await relay.store.running(in: capped.map(\.scope))
            for control in capped {
                let held = waiting.count { control.scope.covers(queue: queue, tenant: $0.tenant, kind: $0.kind) }
                allowance.limit(control.scope, to: (control.maxRunning ?? 0) - (running[control.scope] ?? 0) - held)
            }
        }
        let requests = present.compactMap { control -> TokenRequest? in
            guard let rate = control.rate else { return nil }
            return TokenRequest(scope: control.scope, rate: rate, count: min(wanted, rate.burst))
        }
        if requests.isEmpty { return (allowance, []) }
        var taken: [TokenRequest] = []
        for (request, count) in zip(requests, try await relay.hints.takeTokens(requests)) {
            allowance.limit(request.scope, to: count)
            if count > 0 { taken.append(TokenRequest(scope: request.scope, rate: request.rate, count: count)) }
        }
        return (allowance, taken)
    }
}
