package import SluiceCore
package import SluiceSystem

/// Documents, versions, chunks and vectors, as the pipeline sees them. Implemented on PostgreSQL by SluiceStore.
///
/// Methods that take a `Fence` write their effects and settle the task in one transaction, and throw `StaleLease` with
/// nothing written when the lease was lost. Implementations push hints for child tasks after the commit.
package protocol DocumentStore: Sendable {
    /// The document of a task, with what is known of its live version; nil when it was erased.
    func document(_ id: DocumentID, tenant: TenantID) async throws -> DocumentSnapshot?

    /// Ends a task that named a document by its URI: registers the document with what is said of it and enqueues its ingest, in
    /// the batch given or a new one. The attributes must have passed their `check`.
    func register(
        _ uri: String,
        _ attributes: DocumentAttributes,
        tenant: TenantID,
        index: IndexSnapshot,
        batch: BatchID?,
        fence: Fence
    ) async throws

    /// Ends an ingest for which nothing had to be done: same bytes, same fingerprint as the live version's. An older version
    /// under way is given up.
    ///
    /// - Parameter text: kept with the live version when it has none; nil: it stays as it is.
    ///
    /// Throws `TaskFailure` `document.moved` when another version went live since `document` was read.
    func finishUnchanged(_ document: DocumentSnapshot, text: ExtractedText?, fence: Fence) async throws

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

    /// Notes how an attempt's extraction ended that will be tried again or dies; the task stays as it is.
    func noteOutcome(
        _ document: DocumentID,
        tenant: TenantID,
        outcome: ExtractionOutcome,
        detail: String,
        fence: Fence
    ) async throws

    /// Notes that an attempt could not read the source, and why; the task stays as it is.
    func noteUnreadable(_ document: DocumentID, tenant: TenantID, detail: String, fence: Fence) async throws

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

    /// What the staged chunks of a version are to be embedded with; nil when the document is gone.
    func embeddingModel(of version: DocumentVersionID, tenant: TenantID) async throws -> ModelIdentity?

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
