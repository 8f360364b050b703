package import SluiceCore
package import SluiceSystem

/// A new version of a document with its chunks, ready to be staged.
package struct StagedVersion: Sendable {
    package let document: DocumentID
    package let tenant: TenantID
    package let contentHash: SHA256Digest
    package let byteCount: Int
    /// Parser, chunker and model.
    package let fingerprint: String
    package let model: ModelIdentity
    package let metadata: DocumentMetadata
    package let characterCount: Int
    /// Of the set `chunkSet`; other sets that are written to are cut from the text when it is staged.
    package let chunks: [ChunkDraft]
    package let chunkSet: Int
    /// Kept with the version, so that it can be cut anew; nil: it cannot.
    package let text: ExtractedText?
    package let batch: BatchID?
    /// As in the snapshot that was read before the source was.
    package let request: Int64

    package init(
        document: DocumentID,
        tenant: TenantID,
        contentHash: SHA256Digest,
        byteCount: Int,
        fingerprint: String,
        model: ModelIdentity,
        metadata: DocumentMetadata,
        characterCount: Int,
        chunks: [ChunkDraft],
        chunkSet: Int,
        text: ExtractedText?,
        batch: BatchID?,
        request: Int64
    ) {
        self.document = document
        self.tenant = tenant
        self.contentHash = contentHash
        self.byteCount = byteCount
        self.fingerprint = fingerprint
        self.model = model
        self.metadata = metadata
        self.characterCount = characterCount
        self.chunks = chunks
        self.chunkSet = chunkSet
        self.text = text
        self.batch = batch
        self.request = request
    }
}
