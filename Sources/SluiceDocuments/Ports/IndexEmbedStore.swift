package import SluiceCore
package import SluiceSystem

/// Which chunks of an index a task embeds for a version.
package enum EmbedScope: Sendable, Equatable {
    /// Ids, inclusive; chunks of other indexes among them are passed over.
    case chunks(ClosedRange<Int64>)
    case document(DocumentID)
}

/// A chunk that answers, without a vector in some version.
package struct UnembeddedChunk: Sendable {
    package let id: ChunkID
    package let tenant: TenantID
    package let hash: SHA256Digest
    package let text: String

    package init(id: ChunkID, tenant: TenantID, hash: SHA256Digest, text: String) {
        self.id = id
        self.tenant = tenant
        self.hash = hash
        self.text = text
    }
}

/// Vectors for index versions that no ingest brings. Implemented on PostgreSQL by SluiceStore.
package protocol IndexEmbedStore: Sendable {
    /// Chunks of the scope that have a vector neither in the version nor in the cache, in the order of their ids.
    func unembedded(_ version: IndexVersionID, _ scope: EmbedScope) async throws -> [UnembeddedChunk]

    /// Puts vectors into the cache, and all of the scope that the cache has into the version: what is there stays, chunks that
    /// went meanwhile do not come back. Then completes the task, unless `isOver` is false.
    ///
    /// - Parameter vectors: by tenant and content hash.
    /// - Returns: how many vectors the version got.
    func store(
        _ vectors: [TenantID: [SHA256Digest: [Float]]],
        in version: IndexVersionID,
        _ scope: EmbedScope,
        isOver: Bool,
        fence: Fence
    ) async throws -> Int
}
