package import SluiceCore

/// How many more tasks of one queue may be dispatched: in all, of each tenant, of each kind. Scopes without a control are
/// not in it and cost nothing.
///
/// A pure value. All controls of a scope count down together, so their smallest remainder stands for them.
package struct DispatchAllowance: Sendable, Equatable {
    package let queue: QueueName
    private var whole = Int.max
    private var tenants: [TenantID: Int] = [:]
    private var kinds: [TaskKind: Int] = [:]

    package init(_ queue: QueueName) { self.queue = queue }

    /// No more than `remaining` tasks of this scope, if it has to do with the queue; below 0 counts as 0.
    package mutating func limit(_ scope: ControlScope, to remaining: Int) {
        let remaining = max(0, remaining)
        switch scope {
        case .queue(let name): if name == queue { whole = min(whole, remaining) }
        case .tenant(let tenant, let place):
            if place == nil || place == queue { tenants[tenant] = min(tenants[tenant] ?? .max, remaining) }
        case .kind(let kind): kinds[kind] = min(kinds[kind] ?? .max, remaining)
        }
    }

    package func admits(_ tenant: TenantID, _ kind: TaskKind) -> Bool {
        whole > 0 && (tenants.isEmpty || tenants[tenant] ?? 1 > 0) && (kinds.isEmpty || kinds[kind] ?? 1 > 0)
    }

    /// Counts one task down. Call only after `admits`.
    package mutating func take(_ tenant: TenantID, _ kind: TaskKind) {
        whole -= 1
        if !tenants.isEmpty, let left = tenants[tenant] { tenants[tenant] = left - 1 }
        if !kinds.isEmpty, let left = kinds[kind] { kinds[kind] = left - 1 }
    }
}
