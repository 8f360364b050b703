internal import SluiceDocuments
package import SluiceQueue
package import SluiceStore

extension Settings {
    /// Goes with `TestGates`.
    static let testEvidence: SwapEvidence = { _, _ in .fresh }

    /// Index versions, with the gates' evidence for swaps.
    package func makeIndexVersions(
        _ store: Store,
        evidence: SwapEvidence? = nil,
        announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) -> PostgresIndexVersions {
        PostgresIndexVersions(store, evidence: evidence, announce: announce)
    }

    /// The index registry.
    package func makeIndexStore(
        _ store: Store,
        announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) -> PostgresIndexStore {
        PostgresIndexStore(store, maxBuildMemory: buildMemoryMegabytes, announce: announce)
    }
}
