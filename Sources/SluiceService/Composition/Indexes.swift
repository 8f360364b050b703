package import SluiceDocuments
package import SluiceInference
package import SluiceQueue
package import SluiceStore

extension Settings {
    /// Goes with `TestGates`.
    static let testEvidence: SwapEvidence = { _, _ in .fresh }

    /// Index versions, with the gates' evidence for swaps.
    package func makeIndexVersions(
        _ store: Store,
        evidence: SwapEvidence? = PostgresGateStore.swapEvidence,
        announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) -> PostgresIndexVersions {
        return PostgresIndexVersions(store, evidence: evidence, announce: announce)
    }

    /// What a rebuild may take.
    package var planRoom: IndexPlan.Room {
        IndexPlan.Room(
            diskFree: databaseDiskFree,
            memoryMegabytes: buildMemoryMegabytes,
            pricePerMillionTokens: pricePerMillionTokens
        )
    }

    /// The embedder for questions to a version with this model: the current model's, or the candidate's where that is it.
    package func makeQueryEmbedder(for fingerprint: String?) async throws -> any Embedder {
        if let fingerprint, let candidate = try candidateIdentity(), candidate.fingerprint == fingerprint,
            let embedder = try await makeCandidateEmbedder(streams: 1)
        {
            return embedder
        }
        return try await makeEmbedder(streams: 1)
    }

    /// The index registry.
    package func makeIndexStore(
        _ store: Store,
        announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) -> PostgresIndexStore {
        PostgresIndexStore(store, maxBuildMemory: buildMemoryMegabytes, announce: announce)
    }
}
