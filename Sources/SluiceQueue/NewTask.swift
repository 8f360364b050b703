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
    /// At most one live task of a tenant and kind has this key; enqueueing a second returns the first.
    package var uniqueKey: String?

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
        uniqueKey: String? = nil
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
    }
}

/// What a payload may be: small, because it is read with every claim; large content belongs elsewhere, by reference.
package enum PayloadRule {
    package static let maxBytes = 262_144
}

/// What enqueueing one task led to.
package struct EnqueuedTask: Hashable, Sendable {
    package let id: TaskID
    /// True when a live task with the same unique key existed: `id` is that one, nothing was stored.
    package let wasDuplicate: Bool
    package let queue: QueueName
    /// True when it may run now; false when it waits for its `run_at` (or was a duplicate).
    package let isAvailable: Bool

    package init(id: TaskID, wasDuplicate: Bool, queue: QueueName, isAvailable: Bool) {
        self.id = id
        self.wasDuplicate = wasDuplicate
        self.queue = queue
        self.isAvailable = isAvailable
    }
}
