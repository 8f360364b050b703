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

    package func finishUnchanged(_ document: DocumentSnapshot, text: ExtractedText? = nil, fence: Fence) async throws {
        let enqueued = try await store.inTenant(document.tenant) { transaction in
            let held = try await hold(document.id, fence, transaction)
            guard held.liveVersion == document.liveVersion else {
                throw Self.moved(document.id)
            }
            if let text, let live = held.liveVersion {
                try await transaction.execute(DocumentTexts.keep(text, of: live, document.id, document.tenant))
            }
            let touched = try await transaction.execute([
                DocumentStatements.abandonUnfinished(document.id),
                DocumentStatements.unchanged(document.id),
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
        detail: String,
        fence: Fence
    ) async throws {
        _ = try await store.inTenant(tenant) { transaction in
            try await store.hold(fence, in: transaction)
            return try await transaction.execute(DocumentStatements.end(document, outcome: outcome, detail: detail))
        }
    }

    package func noteUnreadable(
        _ document: DocumentID,
        tenant: TenantID,
        detail: String,
        fence: Fence
    ) async throws {
        _ = try await store.inTenant(tenant) { transaction in
            try await store.hold(fence, in: transaction)
            return try await transaction.execute(DocumentStatements.unreadable(document, detail: detail))
        }
    }

    /// A transaction of one tenant whose statements are planned each time.
    ///
    /// Tables of documents grow by orders of magnitude within minutes; a plan made once, while they were small, would scan them
    /// whole until the next ANALYZE. For transactions that read lists of chunks; those that touch rows by their key alone, as for
    /// an unchanged document, are spared the planning.
    func inTenant<Value: Sendable>(
        _ tenant: TenantID,
        readOnly: Bool = false,
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        try await store.inTenant(
            tenant,
            readOnly: readOnly,
            settings: [("plan_cache_mode", "force_custom_plan")],
            body
        )
    }

    // MARK: - The frame of every ending

    /// Begins a transaction that ends a task of a document: the task, then the document, then all else, batches last.
    ///
    /// The same order everywhere, so that no two of them, and no request for the same documents, can deadlock. A batch's row
    /// is what all its tasks write, so it is locked for the last statements only.
    func hold(
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

    struct Frame: Sendable {
        let document: DocumentID
        let tenant: TenantID
        let held: DocumentStatements.Held
        /// Whether an older version was under way and is not any more.
        let gaveUp: Bool
    }

    /// Completes an ingest, and enqueues the next when one was asked for after request `served`: the source may have changed
    /// since it was read.
    func end(
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

    // MARK: - Failures

    static func moved(_ document: DocumentID) -> TaskFailure {
        TaskFailure(
            errorClass: "document.moved",
            message: "the versions of document \(document) changed while its source was being read; it is read again"
        )
    }

    static func erased(_ document: DocumentID) -> TaskFailure {
        TaskFailure(errorClass: "document.gone", message: "document \(document) was erased, or is being erased")
    }
}
