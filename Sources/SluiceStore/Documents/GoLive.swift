internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceSystem

/// The step that makes a staged version the one that answers, inside the transaction of the task that completes it.
enum GoLive {
    /// What goes live.
    struct Frame: Sendable {
        let version: DocumentVersionID
        let document: DocumentID
        let tenant: TenantID
        /// What its chunks are embedded with.
        let model: ModelIdentity
    }

    /// What came of it.
    enum Outcome: Sendable {
        case live
        /// The index is asked with another model by now, or vectors went from the cache after they were counted on: nothing was
        /// changed, and these ordinals have no vector of that model.
        case lacks(ModelIdentity, ordinals: [Int])
    }

    /// Runs all of it. Throws, and so rolls back, when a single chunk would be without its vector in the version that answers, or
    /// in one with the same model. Versions with another model get what the cache has, and a task that brings the rest: however
    /// slow or broken a candidate is, it keeps no document from answering.
    ///
    /// - Parameters:
    ///   - looksFirst: looks for every vector before anything is changed; see `mended`.
    ///   - enqueue: stores those tasks.
    static func run(
        _ frame: Frame,
        in transaction: PostgresTransaction,
        looksFirst: Bool,
        enqueue: ([NewTask]) async throws -> Void
    ) async throws -> Outcome {
        let (version, document) = (frame.version, frame.document)
        // Before it is asked what to write to: see `PostgresIndexVersions`.
        try await transaction.execute(VersionStatements.share(of: document))
        let written = try await transaction.query(VersionStatements.written(document))
        guard let answering = written.first(where: { $0.version.state == .live }) else {
            throw TaskFailure(
                errorClass: "index.gone",
                message: "the index of document \(document) has no live version"
            )
        }
        let sets = Set(written.map(\.version.chunkSet))
        var staged = try await transaction.query(staged(version))
        let wasCut = try await StagedCuts.complete(version, staged, for: written, tenant: frame.tenant, transaction)
        if wasCut { staged = try await transaction.query(Self.staged(version)) }
        let model = answering.version.spec.model
        if looksFirst || wasCut || sets.count > 1 || model != frame.model {
            let lacking = try await StagedCuts.lacking(version, document, model, in: written, transaction)
            if !lacking.isEmpty { return .lacks(model, ordinals: lacking) }
        }
        guard staged.contains(where: { $0.set == answering.version.chunkSet }) else { throw Self.uncut(document) }
        let live = try await transaction.query(live(document))
        for set in sets.sorted() {
            try await replace(
                live.filter { $0.set == set },
                by: staged.filter { $0.set == set },
                of: set,
                frame,
                transaction
            )
        }
        try await transaction.execute(addVectors(answering, document))
        try await check(answering, document, transaction)
        for other in written where other.version.id != answering.version.id {
            if other.version.spec.model == model {
                try await transaction.execute(
                    other.version.chunkSet == answering.version.chunkSet
                        ? copyVectors(other, from: answering, document) : addVectors(other, document)
                )
                try await check(other, document, transaction)
                continue
            }
            try await transaction.execute(addVectors(other, document))
            if try await transaction.query(countWithoutVector(other, document)).first != 0 {
                try await enqueue([embedTask(other.version, frame)])
            }
        }
        try await transaction.execute(publish(version, document, set: answering.version.chunkSet))
        try await transaction.execute(tellBatches(version, document))
        return .live
    }

    /// Runs a transaction that ends in `run`, and where vectors are missing once more, looking for all of them first: what was
    /// cached when the version was staged may have been erased or pruned since, and is then embedded again.
    ///
    /// - Parameter body: is given `looksFirst`.
    static func mended<Value>(_ body: (Bool) async throws -> Value) async throws -> Value {
        do {
            return try await body(false)
        } catch let failure as TaskFailure where failure.errorClass == missing {
            return try await body(true)
        }
    }

    private static let missing = "vectors.missing"

    /// Turns the document's chunks of one set into the staged ones. Where none are staged, for want of the text, none stay: what fills the
    /// set finds the document again.
    private static func replace(
        _ live: [Live],
        by staged: [Staged],
        of set: Int,
        _ frame: Frame,
        _ transaction: PostgresTransaction
    ) async throws {
        // The whole list of a document is large for the server's statistics, which know nothing of this transaction: what is
        // matched here needs no plan.
        let diff = ChunkDiff(live: live.map { ($0.chunk, $0.hash) }, staged: staged.map(\.hash))
        var changes: [Statement<Void>] = []
        if !diff.gone.isEmpty { changes.append(remove(diff.gone)) }
        if !diff.kept.isEmpty { changes.append(move(diff.kept, staged, frame.version)) }
        if !diff.added.isEmpty { changes.append(add(diff.added, staged, frame.version, frame.document, set: set)) }
        try await transaction.execute(changes)
    }

    private static func uncut(_ document: DocumentID) -> TaskFailure {
        TaskFailure(
            errorClass: "chunks.missing",
            message: "document \(document) was staged for another chunker than the index's, and its text was not kept; "
                + "nothing was changed, ingest the document again"
        )
    }

    private static func check(
        _ indexVersion: VersionStatements.Written,
        _ document: DocumentID,
        _ transaction: PostgresTransaction
    ) async throws {
        let without = try await transaction.query(countWithoutVector(indexVersion, document)).first ?? 0
        if without > 0 {
            throw TaskFailure(
                errorClass: missing,
                message:
                    "\(without) chunks of document \(document) have no vector of model \(indexVersion.version.spec.model.fingerprint); "
                    + "nothing was changed, ingest the document again"
            )
        }
    }

    /// A key of the document's version: a task that runs already may have read the chunks of the one before.
    private static func embedTask(_ indexVersion: IndexVersionRecord, _ frame: Frame) throws -> NewTask {
        try NewTask(
            EmbedIndexInput(version: indexVersion.id, document: frame.document),
            tenant: frame.tenant,
            priority: EmbedIndexInput.documentPriority,
            uniqueKey: "version/\(indexVersion.id)/document-version/\(frame.version)"
        )
    }
}
