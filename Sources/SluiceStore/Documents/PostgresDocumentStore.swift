package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
package import SluiceQueue
internal import SluiceSystem

/// Documents on PostgreSQL. Effects and the completion of the task that made them are one transaction.
package struct PostgresDocumentStore: DocumentStore {
    let store: Store
    /// Told of tasks whose enqueueing transaction has committed, to hint at them.
    let announce: @Sendable ([EnqueuedTask]) async -> Void

    package init(_ store: Store, announce: @escaping @Sendable ([EnqueuedTask]) async -> Void) {
        self.store = store
        self.announce = announce
    }

    package func document(_ id: DocumentID, tenant: TenantID) async throws -> DocumentSnapshot? {
        try await store.pool.query(DocumentStatements.snapshot(id, tenant)).first
    }

    package func finishUnchanged(_ document: DocumentSnapshot, fence: Fence) async throws {
        let enqueued = try await store.inTenant(document.tenant) { transaction in
            let held = try await hold(document.id, fence, transaction)
            guard held.liveVersion == document.liveVersion else {
                throw Self.moved(document.id)
            }
            let touched = try await transaction.execute([
                DocumentStatements.abandonUnfinished(document.id),
                DocumentStatements.end(document.id, outcome: .ok, detail: "unchanged"),
                DocumentStatements.tellBatches(document.id, "unchanged", upTo: document.request),
            ])
            let frame = Frame(document: document.id, tenant: document.tenant, held: held, gaveUp: touched[0] > 0)
            return try await end(fence, frame, served: document.request, transaction)
        }
        await announce(enqueued)
    }

    package func joinPending(_ document: DocumentSnapshot, fence: Fence) async throws {
        let enqueued = try await store.inTenant(document.tenant) { transaction in
            let held = try await hold(document.id, fence, transaction)
            guard let pending = document.pending,
                try await transaction.execute(DocumentStatements.join(pending.id, request: document.request)) == 1
            else { throw Self.moved(document.id) }
            let frame = Frame(document: document.id, tenant: document.tenant, held: held, gaveUp: false)
            return try await end(fence, frame, served: document.request, transaction)
        }
        await announce(enqueued)
    }

    package func finishWithoutText(
        _ document: DocumentSnapshot,
        outcome: ExtractionOutcome,
        detail: String,
        fence: Fence
    ) async throws {
        let enqueued = try await store.inTenant(document.tenant) { transaction in
            let held = try await hold(document.id, fence, transaction)
            let touched = try await transaction.execute([
                DocumentStatements.abandonUnfinished(document.id),
                DocumentStatements.end(document.id, outcome: outcome, detail: detail),
                DocumentStatements.tellBatches(document.id, outcome.name, upTo: document.request),
            ])
            let frame = Frame(document: document.id, tenant: document.tenant, held: held, gaveUp: touched[0] > 0)
            return try await end(fence, frame, served: document.request, transaction)
        }
        await announce(enqueued)
    }

    package func noteOutcome(
        _ document: DocumentID,
        tenant: TenantID,
        outcome: ExtractionOutcome,
        detail: String
    ) async throws {
        _ = try await store.inTenant(tenant) { transaction in
            try await transaction.execute(DocumentStatements.end(document, outcome: outcome, detail: detail))
        }
    }

    package func noteUnreadable(_ document: DocumentID, tenant: TenantID, detail: String) async throws {
        _ = try await store.inTenant(tenant) { transaction in
            try await transaction.execute(DocumentStatements.unreadable(document, detail: detail))
        }
    }

    package func stage(_ version: StagedVersion, window: Int, fence: Fence) async throws -> StageReport {
        let (report, enqueued) = try await store.inTenant(version.tenant) { transaction in
            let held = try await hold(version.document, fence, transaction)
            guard
                let current = try await transaction.query(
                    DocumentStatements.snapshot(version.document, version.tenant)
                ).first
            else { throw Self.erased(version.document) }
            try Self.check(version.model, fits: current.index)
            let gaveUp = try await transaction.execute(DocumentStatements.abandonUnfinished(version.document)) > 0
            let id = try await insert(version, transaction)
            let live = try await transaction.query(GoLive.live(version.document))
            let missing = try await missing(id, version, live, current.index.liveVersion, transaction)
            let kept = ChunkDiff(live: live, staged: version.chunks.map(\.contentHash)).kept.count
            let windows = Self.windows(missing, of: window)
            // A chunk whose equal is kept may be a second one of its text: then it is neither.
            let cached = max(0, version.chunks.count - kept - missing.count)
            try await transaction.execute(
                DocumentStatements.planned(id, kept: kept, cached: cached, tasks: windows.count)
            )
            var enqueued: [EnqueuedTask] = []
            if windows.isEmpty {
                try await GoLive.run(id, of: version.document, model: version.model, in: transaction)
            } else {
                try await transaction.execute(DocumentStatements.markProcessing(version.document))
                let tasks = try windows.map { try Self.embedTask($0, of: id, version) }
                enqueued = try await store.enqueue(tasks, in: transaction)
            }
            let frame = Frame(document: version.document, tenant: version.tenant, held: held, gaveUp: gaveUp)
            enqueued += try await end(fence, frame, served: version.request, transaction)
            let report = StageReport(
                version: id,
                chunks: version.chunks.count,
                kept: kept,
                cached: cached,
                toEmbed: missing.count,
                isLive: windows.isEmpty
            )
            return (report, enqueued)
        }
        await announce(enqueued)
        return report
    }

    // MARK: - The frame of every ending

    /// Begins a transaction that ends a task of a document: the task, then the document, then all else, batches last.
    ///
    /// The same order everywhere, so that no two of them, and no request for the same documents, can deadlock. A batch's row
    /// is what all its tasks write, so it is locked for the last statements only.
    private func hold(
        _ document: DocumentID,
        _ fence: Fence,
        _ transaction: PostgresTransaction
    ) async throws -> DocumentStatements.Held {
        try await store.hold(fence, in: transaction)
        guard let held = try await transaction.query(DocumentStatements.lock(document)).first else {
            throw Self.erased(document)
        }
        return held
    }

    private struct Frame: Sendable {
        let document: DocumentID
        let tenant: TenantID
        let held: DocumentStatements.Held
        /// Whether an older version was under way and is not any more.
        let gaveUp: Bool
    }

    /// Completes an ingest, and enqueues the next when one was asked for after request `served`: the source may have changed
    /// since it was read.
    private func end(
        _ fence: Fence,
        _ frame: Frame,
        served: Int64,
        _ transaction: PostgresTransaction
    ) async throws -> [EnqueuedTask] {
        let document = frame.document
        if frame.gaveUp { try await transaction.execute(DocumentStatements.forgetDeadWindows(document)) }
        try await store.complete(fence, in: transaction)
        guard frame.held.requested > served,
            let batch = try await transaction.query(DocumentStatements.laterBatch(document, after: served)).first
        else { return [] }
        let enqueued = try await store.enqueue([Self.ingestTask(document, frame.tenant, batch)], in: transaction)
        if let task = enqueued.first {
            try await transaction.execute(DocumentStatements.awaitTask(task.id, for: document, after: served))
        }
        return enqueued
    }

    static func ingestTask(_ document: DocumentID, _ tenant: TenantID, _ batch: BatchID) throws -> NewTask {
        try NewTask(
            IngestDocumentInput(document: document),
            tenant: tenant,
            batch: batch,
            uniqueKey: "document/\(document)"
        )
    }

    // MARK: -

    private func insert(
        _ version: StagedVersion,
        _ transaction: PostgresTransaction
    ) async throws -> DocumentVersionID {
        guard let id = try await transaction.query(DocumentStatements.insertVersion(version)).first else {
            throw PostgresError(.server, "no version id came back")
        }
        try await StagedChunks.copy(version.chunks.map { ($0, 0) }, version: id, tenant: version.tenant, transaction)
        return id
    }

    /// Ordinals without a vector anywhere. Vectors of live chunks that the cache has lost are put back into it.
    private func missing(
        _ id: DocumentVersionID,
        _ version: StagedVersion,
        _ live: [(chunk: ChunkID, hash: SHA256Digest)],
        _ index: IndexVersionID,
        _ transaction: PostgresTransaction
    ) async throws -> [Int] {
        let absent = try await transaction.query(DocumentStatements.missing(id, version.model))
        let known = Set(live.map(\.hash))
        if absent.contains(where: { known.contains($0.hash) }) {
            try await transaction.execute(GoLive.cacheLive(index, version.document, version.model))
        }
        return absent.filter { !known.contains($0.hash) }.map(\.ordinal)
    }

    /// Ranges of ordinals that hold at most `size` of the missing each.
    static func windows(_ missing: [Int], of size: Int) -> [ClosedRange<Int>] {
        stride(from: 0, to: missing.count, by: size).map { start in
            missing[start]...missing[min(start + size, missing.count) - 1]
        }
    }

    private static func embedTask(
        _ ordinals: ClosedRange<Int>,
        of id: DocumentVersionID,
        _ version: StagedVersion
    ) throws -> NewTask {
        try NewTask(
            EmbedChunksInput(
                document: version.document.rawValue,
                version: id.rawValue,
                first: ordinals.lowerBound,
                last: ordinals.upperBound
            ),
            tenant: version.tenant,
            batch: version.batch
        )
    }

    static func check(_ model: ModelIdentity, fits index: IndexSnapshot) throws {
        guard model == index.model else {
            throw TaskFailure(
                errorClass: "index.model_mismatch",
                message: "index '\(index.name)' holds vectors of model \(index.model.fingerprint), this worker has "
                    + "\(model.fingerprint); point SLUICE_MODEL at the index's model, or build a new index version"
            )
        }
    }

    static func moved(_ document: DocumentID) -> TaskFailure {
        TaskFailure(
            errorClass: "document.moved",
            message: "the versions of document \(document) changed while its source was being read; it is read again"
        )
    }

    static func erased(_ document: DocumentID) -> TaskFailure {
        TaskFailure(errorClass: "document.gone", message: "document \(document) does not exist any more")
    }
}
