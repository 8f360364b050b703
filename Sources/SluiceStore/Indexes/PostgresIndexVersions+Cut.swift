package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceSystem

extension PostgresIndexVersions {
    /// Lists of a document's chunks are large or small: planned each time.
    static let planned = [(name: "plan_cache_mode", value: "force_custom_plan")]
    /// For a bounded number of documents, whose chunks are looked up one document after the other, whatever is known of tables that
    /// have just been filled.
    static let lookedUp =
        planned
        + [
            (name: "enable_hashjoin", value: "off"), (name: "enable_mergejoin", value: "off"),
            (name: "enable_seqscan", value: "off"),
        ]

    package func cut(_ id: IndexVersionID, limit: Int, fence: Fence) async throws -> CutStep {
        guard let version = try await version(id) else { throw Self.gone(id) }
        var step = CutStep()
        guard let cursor = version.documentCursor else {
            step.isAtEnd = true
            return step
        }
        let chunker = try SetChunker(version)
        let range = try await store.pool.query(ChunkSetStatements.range(after: cursor, limit: limit)).first
        step.seen = range?.seen ?? 0
        step.isAtEnd = step.seen < limit
        guard let last = range?.last else { return step }
        let documents = try await store.pool.query(
            ChunkSetStatements.candidates(version, in: cursor + 1...last),
            settings: Self.planned
        )
        let source = try await equalVectors(for: version)
        for document in documents where document.hasText {
            let chunks = try await cut(document, chunker, version, from: source, fence)
            if chunks > 0 { step.cut += 1 }
            step.chunks += chunks
            FailPoint.pass(.afterCommit)
        }
        let unread = documents.filter { !$0.hasText && !$0.isBeingRead && !$0.isStuck }
        step.asked = unread.count
        let tasks = try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            let tasks = try await store.enqueue(unread.map { try Self.readingTask($0) }, in: transaction)
            // Only now: what it claims is done, or a task does it.
            guard try await transaction.execute(ChunkSetStatements.checkpoint(version, to: last)) == 1 else {
                throw IndexRefusal.moved
            }
            return tasks
        }
        await announce(tasks)
        return step
    }

    /// An ingest like any other, behind those that somebody waits for: a source that changed meanwhile becomes a new version.
    private static func readingTask(_ document: ChunkSetStatements.Candidate) throws -> NewTask {
        try NewTask(
            IngestDocumentInput(document: document.document),
            tenant: document.tenant,
            priority: EmbedIndexInput.rebuildPriority,
            uniqueKey: "document/\(document.document)"
        )
    }

    /// A version with the same model and other chunks, the one that answers first.
    private func equalVectors(for version: IndexVersionRecord) async throws -> IndexVersionRecord? {
        try await versions(of: version.indexName)
            .filter { $0.state.isWritten && $0.chunkSet != version.chunkSet && $0.spec.model == version.spec.model }
            .min { $0.state == .live && $1.state != .live }
    }

    /// Reads and cuts before anything is locked; then writes, if the document is as it was.
    ///
    /// - Returns: how many chunks came of it; 0: the document moved on, and is found again if it has to be.
    private func cut(
        _ document: ChunkSetStatements.Candidate,
        _ chunker: SetChunker,
        _ version: IndexVersionRecord,
        from source: IndexVersionRecord?,
        _ fence: Fence
    ) async throws -> Int {
        guard let text = try await store.pool.query(DocumentTexts.text(of: document.version)).first else { return 0 }
        let drafts = await chunker.cut(text)
        if drafts.isEmpty { return 0 }
        return try await store.pool.transaction(settings: Self.planned) { transaction in
            try await store.hold(fence, in: transaction)
            // It shares the index's lock with ingests: whoever takes the version out of use waits for this, or comes first.
            try await transaction.execute(VersionStatements.share(of: version.index))
            let now = try await transaction.query(VersionStatements.one(version.id)).first
            guard now?.state == .building else { throw IndexRefusal.moved }
            guard try await transaction.query(ChunkSetStatements.hold(document, for: version)).first != nil else {
                return 0
            }
            try await Self.add(drafts, to: version.chunkSet, document.document, document.tenant, transaction)
            if let source {
                let own = PartitionStatements.table(of: version.id, for: document.document)
                let other = PartitionStatements.table(of: source.id, for: document.document)
                if let table = try await transaction.query(own).first,
                    let held = try await transaction.query(other).first
                {
                    try await transaction.execute(
                        ChunkSetStatements.copyEqual(version, table, from: source, held, document.document)
                    )
                }
            }
            FailPoint.pass(.beforeCommit)
            return drafts.count
        }
    }

    private static let stageColumns = [
        "position", "ordinal", "char_from", "char_to", "page_from", "page_to", "heading_path", "content_hash", "text",
    ]

    /// Adds chunks to a set, by binary COPY into a temporary table, since COPY does not go into tables with row-level security, and from
    /// there. Returns them in the order of the drafts.
    @discardableResult
    static func add(
        _ drafts: [ChunkDraft],
        to set: Int,
        _ document: DocumentID,
        _ tenant: TenantID,
        _ transaction: PostgresTransaction
    ) async throws -> [ChunkID] {
        var rows = CopyRows()
        for (position, draft) in drafts.enumerated() {
            try rows.append([
                .int4(position), .int4(draft.ordinal), .int4(draft.charFrom), .int4(draft.charTo),
                .optionalInt4(draft.pageFrom), .optionalInt4(draft.pageTo), .textArray(draft.headingPath),
                .bytes(draft.contentHash.bytes), .text(draft.text),
            ])
        }
        try await transaction.script(
            """
            CREATE TEMP TABLE cut_stage (
                position int4, ordinal int4, char_from int4, char_to int4, page_from int4, page_to int4, heading_path text[],
                content_hash bytea, text text
            ) ON COMMIT DROP
            """
        )
        try await transaction.copy(into: "cut_stage", columns: stageColumns, rows: rows)
        let added = try await transaction.query(ChunkSetStatements.addCut(document, tenant, set: set))
        try await transaction.script("DROP TABLE cut_stage")
        return added
    }

    package func uncut(_ id: IndexVersionID) async throws -> UncutDocuments { try await uncut(id, atOnce: 20_000) }

    /// Some documents after the other, so that no statement takes longer than it may, however many there are.
    ///
    /// - Parameter limit: documents looked at by one statement.
    package func uncut(_ id: IndexVersionID, atOnce limit: Int) async throws -> UncutDocuments {
        guard let version = try await version(id) else { throw Self.gone(id) }
        var uncut = UncutDocuments(count: 0, first: nil, waiting: 0, stuck: 0, example: nil)
        // A version that shares its set finds it as full as the others keep it.
        if version.documentCursor == nil { return uncut }
        var cursor: Int64? = 0
        while let from = cursor {
            let next = ChunkSetStatements.uncut(version, after: from, limit: limit)
            let page = try await store.pool.query(next, settings: Self.lookedUp).first
            if let found = page?.found { uncut = uncut.followed(by: found) }
            cursor = page?.seen == limit ? page?.last : nil
        }
        return uncut
    }

    package func restartCutting(_ version: IndexVersionID, after document: Int64, fence: Fence) async throws {
        try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            try await transaction.execute(ChunkSetStatements.restart(version, after: document))
        }
    }
}
