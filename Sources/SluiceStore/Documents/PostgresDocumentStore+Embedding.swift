package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue
package import SluiceSystem

extension PostgresDocumentStore {
    package func chunksToEmbed(
        _ version: DocumentVersionID,
        ordinals: ClosedRange<Int>,
        tenant: TenantID
    ) async throws -> [ChunkToEmbed] {
        try await inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(StagedChunks.withoutVector(version, ordinals))
        }
    }

    package func embeddingModel(of version: DocumentVersionID, tenant: TenantID) async throws -> ModelIdentity? {
        try await store.inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(StagedChunks.model(version)).first
        }
    }

    package func cached(
        _ hashes: [SHA256Digest],
        model: ModelIdentity,
        tenant: TenantID
    ) async throws -> Set<SHA256Digest> {
        if hashes.isEmpty { return [] }
        let found = try await inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(
                Statement(
                    """
                    SELECT content_hash FROM embedding_cache
                    WHERE tenant_id = $1 AND model_fingerprint = $2 AND content_hash = ANY ($3::bytea[])
                    """,
                    [.text(tenant.rawValue), .text(model.fingerprint), .byteaArray(hashes.map(\.bytes))]
                ) { row throws(PostgresError) in try row.bytes(0) }
            )
        }
        return Set(found.compactMap { SHA256Digest(bytes: $0) })
    }

    package func keepVectors(_ result: EmbeddingResult, fence: Fence) async throws {
        if result.vectors.isEmpty { return }
        try await inTenant(result.tenant) { transaction in
            try await store.hold(fence, in: transaction)
            // A document that was erased leaves nothing behind.
            guard let document = try await transaction.query(Self.documentOf(result.version)).first,
                try await !transaction.query(DocumentStatements.lock(document)).isEmpty
            else { return }
            try await cache(result, transaction)
        }
    }

    package func finishEmbedding(_ result: EmbeddingResult, fence: Fence) async throws -> EmbedReport {
        let (report, enqueued) = try await GoLive.mended { looksFirst in
            try await inTenant(result.tenant) { transaction in
                try await store.hold(fence, in: transaction)
                let (report, enqueued) = try await apply(result, transaction, looksFirst: looksFirst)
                try await store.complete(fence, in: transaction)
                return (report, enqueued)
            }
        }
        await announce(enqueued)
        return report
    }

    /// Locks in the order that `PostgresDocumentStore.hold` describes.
    private func apply(
        _ result: EmbeddingResult,
        _ transaction: PostgresTransaction,
        looksFirst: Bool
    ) async throws -> (EmbedReport, [EnqueuedTask]) {
        let superseded = (EmbedReport(isLive: false, wasSuperseded: true), [EnqueuedTask]())
        guard let document = try await transaction.query(Self.documentOf(result.version)).first,
            try await !transaction.query(DocumentStatements.lock(document)).isEmpty
        else { return superseded }
        // Also for a version that was given up: the vectors are there, and the newer version has most of the texts.
        try await cache(result, transaction)
        guard try await transaction.query(Self.stateOf(result.version)).first == "embedding" else { return superseded }
        try await replaceSplit(result, transaction)
        let pending = try await transaction.query(
            Self.countDown(result.version, embedded: result.vectors.count)
        ).first
        guard pending == 0 else { return (EmbedReport(isLive: false, wasSuperseded: false), []) }
        var enqueued: [EnqueuedTask] = []
        let frame = GoLive.Frame(
            version: result.version,
            document: document,
            tenant: result.tenant,
            model: result.model
        )
        let outcome = try await GoLive.run(frame, in: transaction, looksFirst: looksFirst) { tasks in
            enqueued += try await store.enqueue(tasks, in: transaction)
        }
        guard case .lacks(let model, let ordinals) = outcome else {
            return (EmbedReport(isLive: true, wasSuperseded: false), enqueued)
        }
        // A swap came while it was being embedded, or the cache lost something: that is embedded as well, and then it goes live.
        let windows = Self.windows(ordinals, of: Self.replanWindow)
        let batch = try await transaction.query(Self.replan(result.version, tasks: windows.count, model)).first
        let tasks = try windows.map {
            try Self.embedTask($0, of: result.version, document: document, result.tenant, batch ?? nil)
        }
        enqueued = try await store.enqueue(tasks, in: transaction)
        return (EmbedReport(isLive: false, wasSuperseded: false), enqueued)
    }

    private static let replanWindow = 256

    private static func replan(
        _ version: DocumentVersionID,
        tasks: Int,
        _ model: ModelIdentity
    ) -> Statement<BatchID?> {
        Statement(
            """
            UPDATE document_versions SET embeds_pending = $2, model_fingerprint = $3, model_dimension = $4 WHERE id = $1
            RETURNING batch_id
            """,
            [.int8(version.rawValue), .int4(tasks), .text(model.fingerprint), .int4(model.dimension)]
        ) { row throws(PostgresError) in try row.optionalInt64(0).map { BatchID(rawValue: $0) } }
    }

    /// Vectors go through a stage by binary COPY, then into the cache in the order of their hashes.
    private func cache(_ result: EmbeddingResult, _ transaction: PostgresTransaction) async throws {
        if result.vectors.isEmpty { return }
        var rows = CopyRows()
        for (hash, vector) in result.vectors {
            guard vector.count == result.model.dimension else {
                throw TaskFailure(
                    errorClass: "inference.dimension",
                    message: "the model gave \(vector.count) numbers a vector where \(result.model.dimension) belong"
                )
            }
            try rows.append([.bytes(hash.bytes), .binary(HalfVector.encode(vector), type: 0)])
        }
        try await transaction.script(
            "CREATE TEMP TABLE vector_stage (content_hash bytea, embedding halfvec) ON COMMIT DROP"
        )
        try await transaction.copy(into: "vector_stage", columns: ["content_hash", "embedding"], rows: rows)
        try await transaction.execute(
            Statement(
                """
                INSERT INTO embedding_cache (tenant_id, model_fingerprint, content_hash, embedding)
                SELECT $1, $2, content_hash, embedding FROM vector_stage ORDER BY content_hash ON CONFLICT DO NOTHING
                """,
                [.text(result.tenant.rawValue), .text(result.model.fingerprint)]
            )
        )
    }

    private func replaceSplit(_ result: EmbeddingResult, _ transaction: PostgresTransaction) async throws {
        if result.resplit.isEmpty { return }
        let removed = try await transaction.query(
            StagedChunks.remove(result.version, ordinals: result.resplit.keys.sorted())
        )
        let sets = Dictionary(removed.map { ($0.ordinal, $0.set) }) { first, _ in first }
        var pieces: [StagedChunks.Row] = []
        for (ordinal, drafts) in result.resplit.sorted(by: { $0.key < $1.key }) {
            for (part, draft) in drafts.enumerated() {
                var draft = draft
                draft.ordinal = ordinal
                pieces.append(StagedChunks.Row(draft: draft, part: part + 1, set: sets[ordinal] ?? 1))
            }
        }
        try await StagedChunks.copy(pieces, version: result.version, tenant: result.tenant, transaction)
        let added = pieces.count - result.resplit.count
        try await transaction.execute(
            Statement(
                "UPDATE document_versions SET chunk_count = chunk_count + $2 WHERE id = $1",
                [.int8(result.version.rawValue), .int4(added)]
            )
        )
    }

    private static func documentOf(_ version: DocumentVersionID) -> Statement<DocumentID> {
        Statement("SELECT document_id FROM document_versions WHERE id = $1", [.int8(version.rawValue)]) {
            row throws(PostgresError) in DocumentID(rawValue: try row.int64(0))
        }
    }

    private static func stateOf(_ version: DocumentVersionID) -> Statement<String> {
        Statement("SELECT state FROM document_versions WHERE id = $1 FOR UPDATE", [.int8(version.rawValue)]) {
            row throws(PostgresError) in try row.text(0)
        }
    }

    private static func countDown(_ version: DocumentVersionID, embedded: Int) -> Statement<Int> {
        Statement(
            """
            UPDATE document_versions SET embeds_pending = embeds_pending - 1, chunks_embedded = chunks_embedded + $2
            WHERE id = $1 RETURNING embeds_pending
            """,
            [.int8(version.rawValue), .int4(embedded)]
        ) { row throws(PostgresError) in try row.int32(0) }
    }
}
