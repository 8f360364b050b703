package import SluiceCore

/// Index versions, as the pipeline sees them.
package protocol IndexStore: Sendable {
    /// The index by name with its live version; nil when there is none.
    func index(_ name: IndexName) async throws -> IndexSnapshot?
    /// The index by name, made with a first, live version when there is none, whose HNSW index a task `index.build` makes.
    func ensureIndex(_ name: IndexName, model: ModelIdentity, chunkerFingerprint: String) async throws -> IndexSnapshot
    /// Builds or repairs the HNSW index of a version concurrently, checks that it is valid, analyses, records an event.
    /// Blocks one connection while it builds, and says about once a second how far it is. Returns false when it was there and
    /// valid already.
    func buildHNSW(
        _ version: IndexVersionID,
        progress: @escaping @Sendable (HNSWProgress) -> Void
    ) async throws -> Bool
}

extension IndexStore {
    package func buildHNSW(_ version: IndexVersionID) async throws -> Bool {
        try await buildHNSW(version) { _ in }
    }
}

/// How far the build of an HNSW index is.
package struct HNSWProgress: Sendable, Equatable {
    /// As PostgreSQL calls it.
    package let phase: String
    /// Vectors; 0 of 0 in phases that do not count them.
    package let done: Int
    package let total: Int

    package init(phase: String, done: Int, total: Int) {
        self.phase = phase
        self.done = done
        self.total = total
    }
}
