package import SluiceCore

/// One tenant's tasks that may be dispatched, first to run first.
package struct TenantBacklog: Sendable {
    package let tenant: TenantID
    /// 1...1,000.
    package let weight: Int
    package let candidates: [Candidate]
    /// True when the tenant has no others; false when more may follow the last one.
    package let isWhole: Bool

    package init(tenant: TenantID, weight: Int, candidates: [Candidate], isWhole: Bool) {
        self.tenant = tenant
        self.weight = max(1, weight)
        self.candidates = candidates
        self.isWhole = isWhole
    }
}

/// Chooses whose tasks go next: weighted deficit round robin over the tenants of one queue.
///
/// Tenants are visited in turn. A visit brings a tenant a credit of its weight over the heaviest one's, at most 1, and each
/// task costs 1: so a visit yields one task or none, and the tasks of tenants of any weights lie interleaved. Credit stays
/// between fills while the tenant has backlog, and is forgotten when it has none: nobody saves up by being idle. Where the
/// room ended the next fill goes on.
///
/// A pure value. Source: Shreedhar & Varghese 1995, "Efficient Fair Queuing Using Deficit Round Robin".
package struct FairSelector: Sendable, Equatable {
    /// One task, in the fixed point in which credit is counted.
    private static let unit: Int64 = 1 << 40

    private var credit: [TenantID: Int64] = [:]
    /// Who is visited first the next time; the next one in order when it has no backlog by then.
    private var turn: TenantID?

    package init() {}

    /// Tenants whose credit is remembered.
    package var remembered: Int { credit.count }

    /// How many of `room` places each tenant gets when all have enough: what to read of each. At least 1.
    package static func shares(of room: Int, weights: [Int]) -> [Int] {
        let total = weights.reduce(0) { $0 + max(1, $1) }
        if total == 0 { return [] }
        return weights.map { (room * max(1, $0) + total - 1) / total + 1 }
    }

    /// Chooses at most `room` tasks, in the order in which they go.
    ///
    /// - Parameters:
    ///   - backlogs: one for each tenant.
    ///   - isComplete: true when no other tenant has backlog: credit of others is forgotten then.
    ///   - allowance: counted down by what is chosen.
    package mutating func select(
        _ room: Int,
        from backlogs: [TenantBacklog],
        isComplete: Bool = true,
        allowance: inout DispatchAllowance
    ) -> [Candidate] {
        let ring = backlogs.sorted { $0.tenant < $1.tenant }
        if isComplete {
            let present = Set(ring.map(\.tenant))
            credit = credit.filter { present.contains($0.key) }
        }
        var chosen: [Candidate] = []
        var next = [Int](repeating: 0, count: ring.count)
        var active = ring.indices.filter { !ring[$0].candidates.isEmpty }
        for index in ring.indices where ring[index].candidates.isEmpty && ring[index].isWhole {
            credit[ring[index].tenant] = nil
        }
        // The round begins where the last one was left.
        if let turn, let first = active.firstIndex(where: { ring[$0].tenant >= turn }) {
            active = Array(active[first...] + active[..<first])
        }
        while chosen.count < room, !active.isEmpty {
            let heaviest = Int64(active.lazy.map { ring[$0].weight }.max() ?? 1)
            var remaining: [Int] = []
            for (position, index) in active.enumerated() {
                guard chosen.count < room else {
                    turn = ring[index].tenant
                    return chosen
                }
                let backlog = ring[index]
                while next[index] < backlog.candidates.count,
                    !allowance.admits(backlog.tenant, backlog.candidates[next[index]].kind)
                {
                    next[index] += 1
                }
                // Held back by an allowance: it has backlog, so it keeps its credit, and earns none.
                guard next[index] < backlog.candidates.count else { continue }
                let earned = credit[backlog.tenant, default: 0] + Self.unit * Int64(backlog.weight) / heaviest
                guard earned >= Self.unit else {
                    credit[backlog.tenant] = earned
                    remaining.append(index)
                    continue
                }
                let candidate = backlog.candidates[next[index]]
                next[index] += 1
                allowance.take(candidate.tenant, candidate.kind)
                chosen.append(candidate)
                if next[index] == backlog.candidates.count && backlog.isWhole {
                    credit[backlog.tenant] = nil
                } else {
                    credit[backlog.tenant] = earned - Self.unit
                    if next[index] < backlog.candidates.count { remaining.append(index) }
                }
                turn = ring[active[(position + 1) % active.count]].tenant
            }
            active = remaining
        }
        return chosen
    }
}
