package import SluiceCore

/// Index versions, as the pipeline sees them.
package protocol IndexStore: Sendable {
    /// The index by name with its live version; nil when there is none.
    func index(_ name: IndexName) async throws -> IndexSnapshot?
    /// The index by name, made with a first, live version when there is none, whose HNSW index a task `index.build` makes.
    func ensureIndex(_ name: IndexName, model: ModelIdentity, chunkerFingerprint: String) async throws -> IndexSnapshot
    /// Builds or repairs the HNSW index of a version concurrently, checks that it is valid, analyses, records an event.
    /// Blocks one connection while it builds. Returns false when it was there and valid already.
    func buildHNSW(_ version: IndexVersionID) async throws -> Bool
}
