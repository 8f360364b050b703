package import SluiceCore
package import SluiceSystem

/// Documents, versions, chunks and vectors, as the pipeline sees them. Implemented on PostgreSQL by SluiceStore.
///
/// Methods that take a `Fence` write their effects and settle the task in one transaction, and throw `StaleLease` with
/// nothing written when the lease was lost. Implementations push hints for child tasks after the commit.
package protocol DocumentStore: Sendable {
    /// The document of a task, with what is known of its live version; nil when it was erased.
    func document(_ id: DocumentID, tenant: TenantID) async throws -> DocumentSnapshot?

    /// Ends an ingest for which nothing had to be done: same bytes, same fingerprint as the live version's. An older version
    /// under way is given up.
    ///
    /// Throws `TaskFailure` `document.moved` when another version went live since `document` was read.
    func finishUnchanged(_ document: DocumentSnapshot, fence: Fence) async throws

    /// Ends an ingest whose bytes and fingerprint are those of the version under way: who asked is told when that one goes
    /// live. Restarting it would put its windows at the queue's end, each time it is asked for.
    ///
    /// Throws `TaskFailure` `document.moved` when `document.pending` is not under way any more.
    func joinPending(_ document: DocumentSnapshot, fence: Fence) async throws

    /// Ends an ingest without text: records the outcome. The live version, if any, goes on answering; an older version under
    /// way is given up.
    func finishWithoutText(
        _ document: DocumentSnapshot,
        outcome: ExtractionOutcome,
        detail: String,
        fence: Fence
    ) async throws

    /// Notes how an attempt's extraction ended that will be tried again or dies; not fenced by completion.
    func noteOutcome(_ document: DocumentID, tenant: TenantID, outcome: ExtractionOutcome, detail: String) async throws

    /// Notes that an attempt could not read the source, and why; not fenced by completion.
    func noteUnreadable(_ document: DocumentID, tenant: TenantID, detail: String) async throws

    /// Stages a new version. Chunks whose content hash is among the live ones or in the embedding cache need no model:
    /// when that is all, the version goes live in this transaction; otherwise `chunks.embed` tasks over at most
    /// `window` missing chunks each are enqueued in it, in the batch of the task. An older version under way is given up: its
    /// tasks end without effect.
    ///
    /// Who asked for the document after its snapshot was read may mean newer bytes: then this transaction, as every one that
    /// ends an ingest, enqueues another `document.ingest`.
    func stage(_ version: StagedVersion, window: Int, fence: Fence) async throws -> StageReport

    /// The staged chunks of a version in a range of ordinals that have no vector yet, in order.
    func chunksToEmbed(_ version: DocumentVersionID, ordinals: ClosedRange<Int>, tenant: TenantID) async throws
        -> [ChunkToEmbed]

    /// Those of the hashes whose vectors of this model the tenant's cache holds.
    func cached(_ hashes: [SHA256Digest], model: ModelIdentity, tenant: TenantID) async throws -> Set<SHA256Digest>

    /// Stores vectors so that no further attempt computes them again; the task stays as it is. For a window in which
    /// something failed.
    func keepVectors(_ result: EmbeddingResult, fence: Fence) async throws

    /// Stores vectors and, where chunks were split again, their pieces; when this was the version's last `chunks.embed`
    /// task, makes the version live: chunks and vectors of every version of the index that is written to, in this
    /// transaction.
    func finishEmbedding(_ result: EmbeddingResult, fence: Fence) async throws -> EmbedReport
}

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

/// What embeds: equal fingerprints make equal vectors.
package struct ModelIdentity: Hashable, Sendable {
    package let fingerprint: String
    /// 1...4,000, what a halfvec HNSW index takes.
    package let dimension: Int

    package init(fingerprint: String, dimension: Int) {
        self.fingerprint = fingerprint
        self.dimension = dimension
    }
}

package struct IndexSnapshot: Sendable {
    package let id: IndexID
    package let name: IndexName
    package let liveVersion: IndexVersionID
    package let number: Int
    package let model: ModelIdentity
    package let epoch: Int64

    package init(
        id: IndexID,
        name: IndexName,
        liveVersion: IndexVersionID,
        number: Int,
        model: ModelIdentity,
        epoch: Int64
    ) {
        self.id = id
        self.name = name
        self.liveVersion = liveVersion
        self.number = number
        self.model = model
        self.epoch = epoch
    }
}

package struct DocumentSnapshot: Sendable {
    package let id: DocumentID
    package let tenant: TenantID
    package let index: IndexSnapshot
    package let uri: String
    package let liveVersion: DocumentVersionID?
    package let liveContentHash: SHA256Digest?
    package let liveFingerprint: String?
    /// The version under way, unless one of its windows is dead.
    package let pending: PendingVersion?
    /// The number of the newest request to ingest it.
    package let request: Int64

    package init(
        id: DocumentID,
        tenant: TenantID,
        index: IndexSnapshot,
        uri: String,
        request: Int64,
        liveVersion: DocumentVersionID?,
        liveContentHash: SHA256Digest?,
        liveFingerprint: String?,
        pending: PendingVersion?
    ) {
        self.id = id
        self.tenant = tenant
        self.index = index
        self.uri = uri
        self.request = request
        self.liveVersion = liveVersion
        self.liveContentHash = liveContentHash
        self.liveFingerprint = liveFingerprint
        self.pending = pending
    }
}

/// A version whose chunks are being embedded.
package struct PendingVersion: Sendable, Equatable {
    package let id: DocumentVersionID
    package let contentHash: SHA256Digest
    package let fingerprint: String

    package init(id: DocumentVersionID, contentHash: SHA256Digest, fingerprint: String) {
        self.id = id
        self.contentHash = contentHash
        self.fingerprint = fingerprint
    }
}

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
    package let chunks: [ChunkDraft]
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
        self.batch = batch
        self.request = request
    }
}

package struct StageReport: Sendable, Equatable {
    package let version: DocumentVersionID
    /// Chunks in all; of these kept from the live version, found in the cache, and to be embedded.
    package let chunks: Int
    package let kept: Int
    package let cached: Int
    package let toEmbed: Int
    package let isLive: Bool

    package init(version: DocumentVersionID, chunks: Int, kept: Int, cached: Int, toEmbed: Int, isLive: Bool) {
        self.version = version
        self.chunks = chunks
        self.kept = kept
        self.cached = cached
        self.toEmbed = toEmbed
        self.isLive = isLive
    }
}

package struct ChunkToEmbed: Sendable {
    package let ordinal: Int
    package let part: Int
    package let draft: ChunkDraft

    package init(ordinal: Int, part: Int, draft: ChunkDraft) {
        self.ordinal = ordinal
        self.part = part
        self.draft = draft
    }
}

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

package struct EmbedReport: Sendable, Equatable {
    /// True when this made the version live.
    package let isLive: Bool
    /// True when a newer version had superseded this one, or the document is gone: nothing but the vectors was stored.
    package let wasSuperseded: Bool

    package init(isLive: Bool, wasSuperseded: Bool) {
        self.isLive = isLive
        self.wasSuperseded = wasSuperseded
    }
}
