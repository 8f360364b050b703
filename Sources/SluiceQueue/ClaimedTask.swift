package import SluiceCore

/// A task this worker holds: one attempt, under one lease token.
package struct ClaimedTask: Sendable {
    package let id: TaskID
    package let token: LeaseToken
    package let tenant: TenantID
    package let queue: QueueName
    package let kind: TaskKind
    /// As it was enqueued; what is stored may be sealed.
    package var payload: String
    /// Why this process cannot read the payload; nil: it can.
    package var payloadFault: PayloadFault?
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

/// What keeps a sealed payload from being opened.
package enum PayloadFault: Sendable, Equatable {
    /// This process has no key of that id: others may.
    case noKey(String)
    /// The key of that id does not open it: it was changed, moved to another tenant or kind, or the key differs.
    case notAuthentic(String)
}

extension PayloadFault: TaskFailureConvertible {
    package var taskFailure: TaskFailure {
        switch self {
        case .noKey(let id):
            TaskFailure(errorClass: "payload.locked", message: "this process has no key '\(id)' to open the payload")
        case .notAuthentic(let id):
            TaskFailure(
                errorClass: "payload.not_authentic",
                message:
                    "key '\(id)' does not open the payload: it was changed or moved after it was sealed, or this worker's "
                    + "key of that id is another one"
            )
        }
    }
}
