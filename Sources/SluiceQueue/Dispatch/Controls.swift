package import SluiceCore

/// What a control applies to. A task is under those of its queue, its tenant (in all queues, and in its queue) and its kind.
package enum ControlScope: Hashable, Sendable, CustomStringConvertible {
    case queue(QueueName)
    /// A tenant in the whole fleet, or in one queue.
    case tenant(TenantID, in: QueueName?)
    /// A kind, in all queues.
    case kind(TaskKind)

    package var description: String {
        switch self {
        case .queue(let queue): "queue \(queue)"
        case .tenant(let tenant, nil): "tenant \(tenant)"
        case .tenant(let tenant, let queue?): "tenant \(tenant) in queue \(queue)"
        case .kind(let kind): "kind \(kind)"
        }
    }

    /// True for tasks of this scope.
    package func covers(queue: QueueName, tenant: TenantID, kind: TaskKind) -> Bool {
        switch self {
        case .queue(let mine): mine == queue
        case .tenant(let mine, let place): mine == tenant && (place == nil || place == queue)
        case .kind(let mine): mine == kind
        }
    }
}

/// How many tasks may start: so many a second in the long run, and at most `burst` at once after a lull.
package struct RateLimit: Hashable, Sendable {
    /// Above 0, at most a million.
    package let perSecond: Double
    /// 1 to a million.
    package let burst: Int

    package static let highest = 1_000_000

    /// Nil when out of range. Without a burst: what one second brings, at least 1.
    package init?(perSecond: Double, burst: Int? = nil) {
        guard perSecond > 0, perSecond <= Double(Self.highest) else { return nil }
        let burst = burst ?? max(1, Int(perSecond.rounded(.up)))
        guard (1...Self.highest).contains(burst) else { return nil }
        self.perSecond = perSecond
        self.burst = burst
    }
}

/// What operators, or a provider that said "too many requests", impose on one scope.
package struct Control: Hashable, Sendable {
    package let scope: ControlScope
    /// Tasks of the scope that may run at once in the whole fleet; nil: as many as workers offer.
    package var maxRunning: Int?
    package var rate: RateLimit?
    /// Nothing of the scope starts; what runs goes on.
    package var isPaused: Bool
    /// Nothing of the queue starts for this long: a provider asked for it. Zero: not slowed down.
    package var slowedFor: Duration

    package init(
        _ scope: ControlScope,
        maxRunning: Int? = nil,
        rate: RateLimit? = nil,
        isPaused: Bool = false,
        slowedFor: Duration = .zero
    ) {
        self.scope = scope
        self.maxRunning = maxRunning
        self.rate = rate
        self.isPaused = isPaused
        self.slowedFor = slowedFor
    }

    /// True when nothing of the scope may start now.
    package var isClosed: Bool { isPaused || slowedFor > .zero }
}

/// All controls in force, found by what they apply to.
package struct Controls: Sendable, Equatable {
    private var byScope: [ControlScope: Control] = [:]

    package init(_ controls: [Control] = []) { for control in controls { byScope[control.scope] = control } }

    package var all: some Collection<Control> { byScope.values }
    package subscript(scope: ControlScope) -> Control? { byScope[scope] }

    /// The controls that a task is under, at most four.
    package func of(queue: QueueName, tenant: TenantID, kind: TaskKind) -> [Control] {
        if byScope.isEmpty { return [] }
        let scopes: [ControlScope] = [
            .queue(queue), .tenant(tenant, in: nil), .tenant(tenant, in: queue), .kind(kind),
        ]
        return scopes.compactMap { byScope[$0] }
    }

    /// True when such tasks may not start now.
    package func isClosed(queue: QueueName, tenant: TenantID, kind: TaskKind) -> Bool {
        of(queue: queue, tenant: tenant, kind: kind).contains(where: \.isClosed)
    }

    package func isClosed(_ queue: QueueName) -> Bool { byScope[.queue(queue)]?.isClosed ?? false }

    /// Those that can concern tasks of a queue; a kind's and a fleet-wide tenant's always can.
    package func concerning(_ queue: QueueName) -> [Control] {
        byScope.values.filter { control in
            switch control.scope {
            case .queue(let mine): mine == queue
            case .tenant(_, let place): place == nil || place == queue
            case .kind: true
            }
        }
    }
}
