package import SluiceCore

/// Tasks of one queue that are equal in tenant, kind and priority: they run in the order of `run_at`.
package struct BacklogStream: Hashable, Sendable {
    package let tenant: TenantID
    package let kind: TaskKind
    /// 0...9, smaller first.
    package let priority: Int
    /// The tenant's share against others', 1...1,000.
    package let weight: Int

    package init(tenant: TenantID, kind: TaskKind, priority: Int, weight: Int) {
        self.tenant = tenant
        self.kind = kind
        self.priority = priority
        self.weight = weight
    }
}

/// A task that is available and may be dispatched.
package struct Candidate: Hashable, Sendable {
    package let id: TaskID
    package let tenant: TenantID
    package let kind: TaskKind
    package let priority: Int
    /// Microseconds since 1970, the store's clock.
    package let runAt: Int64

    package init(id: TaskID, tenant: TenantID, kind: TaskKind, priority: Int, runAt: Int64) {
        self.id = id
        self.tenant = tenant
        self.kind = kind
        self.priority = priority
        self.runAt = runAt
    }
}

/// Priorities that age: waiting for `step` improves a task by one priority, without end, so nothing starves.
///
/// `priority - age / step` orders tasks at any moment as `run_at + priority · step` does, which never changes: no clock is
/// needed, and the order of two tasks is the same wherever it is asked for.
package struct AgingOrder: Hashable, Sendable {
    /// Above zero.
    package let step: Duration

    package init(step: Duration = .seconds(60)) {
        precondition(step > .zero)
        self.step = step
    }

    /// Smaller runs first. Microseconds.
    package func rank(_ candidate: Candidate) -> Int64 {
        candidate.runAt + Int64(Double(candidate.priority) * step.inSeconds * 1_000_000)
    }

    package func sorted(_ candidates: [Candidate]) -> [Candidate] {
        candidates.map { (rank: rank($0), candidate: $0) }
            .sorted { ($0.rank, $0.candidate.id) < ($1.rank, $1.candidate.id) }
            .map(\.candidate)
    }
}
