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

    /// The embedders for questions to versions with these models, the current one's and the candidate's as far as they are asked for;
    /// where neither is, the current one's.
    package func makeQueryEmbedders(for fingerprints: [String?]) async throws -> [any Embedder] {
        var embedders: [any Embedder] = []
        if let candidate = try candidateIdentity(), fingerprints.contains(candidate.fingerprint),
            let embedder = try await makeCandidateEmbedder(streams: 1)
        {
            embedders.append(embedder)
        }
        if embedders.isEmpty || fingerprints.contains((try? modelIdentity())?.fingerprint ?? "") {
            embedders.append(try await makeEmbedder(streams: 1))
        }
        return embedders
    }

    /// The index registry.
    package func makeIndexStore(
        _ store: Store,
        announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) -> PostgresIndexStore {
        PostgresIndexStore(store, maxBuildMemory: buildMemoryMegabytes, announce: announce)
    }
}
