internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

extension PostgresTaskStore {
    /// Payloads as they are stored, perhaps sealed.
    func claimAsStored(_ ids: [TaskID], queue: QueueName, worker: WorkerID) async throws -> [ClaimedTask] {
        if ids.isEmpty { return [] }
        if try await holdsBack(memory.lastControls, queue, \.holdsClaims) {
            return try await weighedClaim(queue: queue, worker: worker) { try await available(among: ids) }
        }
        let claimed = try await store.pool.query(ClaimStatements.claim(ids, queue: queue, worker: worker))
        // Nothing at all: perhaps since a control has come.
        guard claimed.isEmpty, memory.controls == nil else { return claimed }
        let controls = try await readControls()
        guard controls.concerning(queue).contains(where: \.holdsClaims) else { return [] }
        return try await weighedClaim(queue: queue, worker: worker) { try await available(among: ids) }
    }

    /// Payloads as they are stored, perhaps sealed.
    func claimNextAsStored(queue: QueueName, limit: Int, worker: WorkerID) async throws -> [ClaimedTask] {
        if limit <= 0 { return [] }
        if try await !holdsBack(memory.lastControls, queue, { _ in true }) {
            let claimed = try await freeClaim(queue, limit, worker)
            guard claimed.isEmpty, memory.controls == nil else { return claimed }
            let controls = try await readControls()
            if controls.concerning(queue).isEmpty { return [] }
        }
        return try await weighedClaim(queue: queue, worker: worker, limit: limit) {
            try await fairCandidates(queue, limit)
        }
    }

    /// Without controls: one statement; a second one where there are more tenants than one looks at.
    private func freeClaim(_ queue: QueueName, _ limit: Int, _ worker: WorkerID) async throws -> [ClaimedTask] {
        func claim(after cursor: String) async throws -> [ClaimedTask] {
            try await store.pool.query(
                ClaimStatements.claimNext(queue: queue, limit: limit, worker: worker, after: cursor, aging: aging)
            )
        }
        let cursor = memory.cursor(queue)
        var claimed = try await claim(after: cursor)
        if claimed.isEmpty, !cursor.isEmpty { claimed = try await claim(after: "") }
        let tenants = Set(claimed.map(\.tenant.rawValue))
        memory.setCursor(tenants.count >= ClaimStatements.blindStreams / 2 ? tenants.max() ?? "" : "", queue)
        return claimed
    }

    /// True when a control of the kind that matters concerns the queue, as far as is known. Reads again what is old, but
    /// only where something was known to hold: otherwise the claim itself finds out.
    private func holdsBack(
        _ known: Controls,
        _ queue: QueueName,
        _ matters: (Control) -> Bool
    ) async throws -> Bool {
        guard known.concerning(queue).contains(where: matters) else { return false }
        let controls = if let fresh = memory.controls { fresh } else { try await readControls() }
        return controls.concerning(queue).contains(where: matters)
    }

    func readControls() async throws -> Controls {
        let controls = Controls(try await store.pool.query(ControlStatements.all()))
        memory.learn(controls)
        return controls
    }

    // MARK: - Under controls

    /// Claims what controls allow: those with caps, and for claims without hints those with rates, are locked in one order,
    /// then counted in a new snapshot, which sees what earlier holders of the locks have claimed.
    ///
    /// - Parameter limit: nil for claims of hints, for which the relay has taken tokens already.
    /// - Parameter isSuspect: true when the one to claim is a suspect of a crash: rates do not concern it.
    func weighedClaim(
        queue: QueueName,
        worker: WorkerID,
        limit: Int? = nil,
        isSuspect: Bool = false,
        _ candidates: () async throws -> [Candidate]
    ) async throws -> [ClaimedTask] {
        let found = try await candidates()
        if found.isEmpty { return [] }
        return try await store.pool.transaction { transaction in
            let controls = Controls(try await transaction.query(ControlStatements.all(concerning: queue)))
            let open = found.filter { !controls.isClosed(queue: queue, tenant: $0.tenant, kind: $0.kind) }
            let relevant = Set(open.flatMap { controls.of(queue: queue, tenant: $0.tenant, kind: $0.kind) })
                .filter { $0.maxRunning != nil || (limit != nil && !isSuspect && $0.rate != nil) }
            var allowance = DispatchAllowance(queue)
            if let limit { allowance.limit(.queue(queue), to: limit) }
            var rates: [BlindRate] = []
            if !relevant.isEmpty {
                let locked = try await transaction.query(ControlStatements.lock(relevant.map(\.scope)))
                let capped = locked.map(\.control).filter { $0.maxRunning != nil }
                if !capped.isEmpty {
                    let running = Self.sums(
                        try await transaction.query(DispatchStatements.running(capped.map(\.scope))),
                        capped.map(\.scope)
                    )
                    for control in capped {
                        let held = running[control.scope] ?? 0
                        allowance.limit(control.scope, to: (control.maxRunning ?? 0) - held)
                    }
                }
                if limit != nil, !isSuspect, locked.contains(where: { $0.control.rate != nil }) {
                    let relayIsWell = try await transaction.query(ControlStatements.relayIsWell()).first ?? false
                    for (control, seconds) in locked {
                        guard let rate = control.rate else { continue }
                        let blind = BlindRate(scope: control.scope, rate: rate, secondsUnused: seconds)
                        // Dispatching at a rate is the relay's business while there is one.
                        allowance.limit(control.scope, to: relayIsWell ? 0 : blind.tokens)
                        if !relayIsWell { rates.append(blind) }
                    }
                }
            }
            var chosen: [TaskID] = []
            for task in open where allowance.admits(task.tenant, task.kind) {
                allowance.take(task.tenant, task.kind)
                chosen.append(task.id)
            }
            if isSuspect {
                guard let id = chosen.first else { return [] }
                return try await transaction.query(ClaimStatements.claimSuspect(id, queue: queue, worker: worker))
            }
            let claimed =
                chosen.isEmpty
                ? []
                : try await transaction.query(
                    ClaimStatements.claim(chosen, queue: queue, worker: worker, isCleared: true)
                )
            for rate in rates {
                let used = claimed.count { rate.scope.covers(queue: queue, tenant: $0.tenant, kind: $0.kind) }
                try await transaction.execute(
                    ControlStatements.use(rate.scope, secondsUnused: rate.secondsUnused(afterUsing: used))
                )
            }
            return claimed
        }
    }

    /// As the relay would choose, of those streams that controls leave open.
    private func fairCandidates(_ queue: QueueName, _ limit: Int) async throws -> [Candidate] {
        let controls = try await readControls()
        let cursor = memory.cursor(queue)
        let pageLength = ClaimStatements.blindStreams
        var page = try await store.pool.query(DispatchStatements.streams(queue, after: cursor, limit: pageLength))
        if page.isEmpty, !cursor.isEmpty {
            page = try await store.pool.query(DispatchStatements.streams(queue, after: "", limit: pageLength))
        }
        memory.setCursor(page.count == pageLength ? page.last?.tenant.rawValue ?? "" : "", queue)
        var allowance = DispatchAllowance(queue)
        let capped = controls.concerning(queue).filter { $0.maxRunning != nil }
        if !capped.isEmpty, !page.isEmpty {
            let running = try await running(in: capped.map(\.scope))
            for control in capped {
                allowance.limit(control.scope, to: (control.maxRunning ?? 0) - (running[control.scope] ?? 0))
            }
        }
        let streams = page.filter {
            !controls.isClosed(queue: queue, tenant: $0.tenant, kind: $0.kind) && allowance.admits($0.tenant, $0.kind)
        }
        if streams.isEmpty { return [] }
        var reading = BacklogReading(streams, room: limit, outstanding: [:])
        reading.received(try await heads(queue: queue, of: reading.requests))
        var selector = FairSelector()
        return selector.select(limit, from: reading.backlogs(aging) { _ in false }, allowance: &allowance)
    }
}

extension Control {
    /// True when it matters to the claim of a hint.
    fileprivate var holdsClaims: Bool { maxRunning != nil || isClosed }
}

/// A rate where tasks are claimed without the relay and its buckets: nothing is saved up for longer than a second, or than
/// one task takes, so a fleet that lost Redis never bursts.
struct BlindRate: Sendable, Equatable {
    let scope: ControlScope
    let rate: RateLimit
    /// Since the rate was used up; nil: never.
    let secondsUnused: Double?

    private var saved: Double { min(max(secondsUnused ?? 0, -3_600), max(1, 1 / rate.perSecond)) }

    /// Tasks that may start now.
    var tokens: Int { max(0, Int((saved * rate.perSecond).rounded(.down))) }

    func secondsUnused(afterUsing count: Int) -> Double { saved - Double(count) / rate.perSecond }
}
