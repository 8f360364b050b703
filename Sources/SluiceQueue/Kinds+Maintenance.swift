package import SluiceCore

/// Forgets a tenant: everything that is stored for it, in bounded steps, and a receipt.
package struct EraseTenantInput: TaskInput {
    package static let kind = TaskKind(trusted: "tenant.erase")
    package static let queue = QueueName.maintenance
    /// It must come to an end some day: about a day of attempts, should a server be away.
    package static let retry = RetryPolicy(maxAttempts: 100, base: .seconds(5), cap: .seconds(900))
    package static let timeout = Duration.seconds(6 * 3_600)
    package static let stallLimit: Duration? = .seconds(1_800)

    /// A row of `erasures`: the payload names nobody, so that it may stay.
    package let erasure: Int64

    package init(erasure: Int64) { self.erasure = erasure }
}

/// Forgets one document: all of its versions, and what was kept of its ingests.
package struct EraseDocumentInput: TaskInput {
    package static let kind = TaskKind(trusted: "document.erase")
    package static let queue = QueueName.maintenance
    package static let retry = EraseTenantInput.retry
    package static let timeout = Duration.seconds(3_600)
    package static let stallLimit: Duration? = .seconds(1_800)

    package let erasure: Int64

    package init(erasure: Int64) { self.erasure = erasure }
}
