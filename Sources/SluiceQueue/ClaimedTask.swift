package import SluiceCore

/// A task this worker holds: one attempt, under one lease token.
package struct ClaimedTask: Sendable {
    package let id: TaskID
    package let token: LeaseToken
    package let tenant: TenantID
    package let queue: QueueName
    package let kind: TaskKind
    package let payload: String
    package let payloadVersion: Int
    /// The number of this attempt, from 1.
    package let attempt: Int
    package let maxAttempts: Int
    /// How often a worker process ended while it held this task.
    package let crashCount: Int
    package let timeout: Duration
    package let batch: BatchID?

    package var fence: Fence { Fence(task: id, token: token) }

    package init(
        id: TaskID,
        token: LeaseToken,
        tenant: TenantID,
        queue: QueueName,
        kind: TaskKind,
        payload: String,
        payloadVersion: Int,
        attempt: Int,
        maxAttempts: Int,
        crashCount: Int,
        timeout: Duration,
        batch: BatchID?
    ) {
        self.id = id
        self.token = token
        self.tenant = tenant
        self.queue = queue
        self.kind = kind
        self.payload = payload
        self.payloadVersion = payloadVersion
        self.attempt = attempt
        self.maxAttempts = maxAttempts
        self.crashCount = crashCount
        self.timeout = timeout
        self.batch = batch
    }
}
