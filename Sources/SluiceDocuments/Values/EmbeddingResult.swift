package import SluiceCore
package import SluiceSystem

/// What one `chunks.embed` task made.
package struct EmbeddingResult: Sendable {
    package let version: DocumentVersionID
    package let tenant: TenantID
    package let ordinals: ClosedRange<Int>
    package let model: ModelIdentity
    /// Vectors by content hash, `dimension` values each, unit length.
    package let vectors: [SHA256Digest: [Float]]
    /// Chunks that were longer than the model's limit, by ordinal, with the pieces that replace them, in order.
    package let resplit: [Int: [ChunkDraft]]

    package init(
        version: DocumentVersionID,
        tenant: TenantID,
        ordinals: ClosedRange<Int>,
        model: ModelIdentity,
        vectors: [SHA256Digest: [Float]],
        resplit: [Int: [ChunkDraft]]
    ) {
        self.version = version
        self.tenant = tenant
        self.ordinals = ordinals
        self.model = model
        self.vectors = vectors
        self.resplit = resplit
    }
}
