package import SluiceCore
package import SluiceDocuments
package import SluiceQueue

/// What the handlers of the queue `maintenance` work with.
package struct Maintenance: Sendable {
    package var erasures: any ErasureStore
    /// Nil where the fleet runs without Redis.
    package var hints: (any TenantHints)?
    package var queues: @Sendable () async throws -> [QueueName]

    package init(
        erasures: any ErasureStore,
        hints: (any TenantHints)?,
        queues: @escaping @Sendable () async throws -> [QueueName]
    ) {
        self.erasures = erasures
        self.hints = hints
        self.queues = queues
    }
}

extension HandlerRegistry {
    package mutating func registerMaintenance(_ maintenance: Maintenance) {
        let erase = Erase(erasures: maintenance.erasures, hints: maintenance.hints, queues: maintenance.queues)
        register(EraseTenantInput.self) { try await erase.perform(ErasureID(rawValue: $0.erasure), $1) }
        register(EraseDocumentInput.self) { try await erase.perform(ErasureID(rawValue: $0.erasure), $1) }
    }
}
