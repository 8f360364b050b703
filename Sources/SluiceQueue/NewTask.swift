package import SluiceCore

/// A task to enqueue. A value; nothing is stored until a `TaskStore` or a transaction of one takes it.
package struct NewTask: Sendable {
    package var tenant: TenantID
    package var queue: QueueName
    package var kind: TaskKind
    /// JSON, at most `PayloadRule.maxBytes`.
    package var payload: String
    package var payloadVersion: Int
    /// 0...9, smaller first.
    package var priority: Int
    /// How long to wait before the first attempt, in the database's time; zero: at once.
    package var delay: Duration
    package var maxAttempts: Int
    /// Wall-clock limit of one attempt, at least 1 s.
    package var timeout: Duration
    package var batch: BatchID?
    /// At most one live task of a tenant and kind has this key; `onConflict` says what enqueueing a second does.
    package var uniqueKey: String?
    /// Without meaning where there is no `uniqueKey`.
    package var onConflict: ConflictPolicy
    /// As in `TaskInput.routingFields`.
    package var routingFields: [String] = []

    package init(
        tenant: TenantID,
        queue: QueueName,
        kind: TaskKind,
        payload: String,
        payloadVersion: Int = 1,
        priority: Int = 5,
        delay: Duration = .zero,
        maxAttempts: Int = RetryPolicy.standard.maxAttempts,
        timeout: Duration = .seconds(60),
        batch: BatchID? = nil,
        uniqueKey: String? = nil,
        onConflict: ConflictPolicy = .keep
    ) {
        self.tenant = tenant
        self.queue = queue
        self.kind = kind
        self.payload = payload
        self.payloadVersion = payloadVersion
        self.priority = priority
        self.delay = delay
        self.maxAttempts = maxAttempts
        self.timeout = timeout
        self.batch = batch
        self.uniqueKey = uniqueKey
        self.onConflict = onConflict
    }
}

/// What a payload may be: small, because it is read with every claim; large content belongs elsewhere, by reference.
package enum PayloadRule {
    package static let maxBytes = 262_144
}

/// What becomes of the live task that has the unique key of a new one. A running task is always left as it is.
package enum ConflictPolicy: String, Sendable, CaseIterable, Codable {
    /// It stays as it is.
    case keep
    /// It takes over the new one's queue, payload, priority, time and limits, with all its attempts anew; it keeps its id
    /// and its batch.
    case replace
    /// It takes over the new one's time and priority only.
    case reschedule
}

/// What enqueueing one task led to.
package struct EnqueuedTask: Hashable, Sendable {
    package enum Resolution: String, Sendable, CaseIterable {
        case created, replaced, rescheduled
        /// A live task with the same unique key existed and was left as it is.
        case kept
        /// As `kept`, against the wish to replace or reschedule it: it runs already (or waits for other tasks).
        case keptRunning = "kept_running"
    }

    package let id: TaskID
    package let resolution: Resolution
    package let queue: QueueName
    /// True when this call made it a task that may run now.
    package let isAvailable: Bool

    /// True when a live task with the same unique key existed: `id` is that one, no row was added.
    package var wasDuplicate: Bool { resolution != .created }

    package init(id: TaskID, resolution: Resolution, queue: QueueName, isAvailable: Bool) {
        self.id = id
        self.resolution = resolution
        self.queue = queue
        self.isAvailable = isAvailable
    }

    package init(id: TaskID, wasDuplicate: Bool, queue: QueueName, isAvailable: Bool) {
        self.init(id: id, resolution: wasDuplicate ? .kept : .created, queue: queue, isAvailable: isAvailable)
    }
}
