internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue
internal import SluiceSystem

/// The step that makes a staged version the one that answers, inside the transaction of the task that completes it.
enum GoLive {
    /// A staged chunk, by its key.
    struct Staged: Sendable {
        let ordinal: Int
        let part: Int
        let hash: SHA256Digest
    }

    static func staged(_ version: DocumentVersionID) -> Statement<Staged> {
        Statement(
            "SELECT ordinal, part, content_hash FROM staged_chunks WHERE version_id = $1 ORDER BY ordinal, part",
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in
            Staged(ordinal: try row.int32(0), part: try row.int16(1), hash: try row.digest(2))
        }
    }

    static func live(_ document: DocumentID) -> Statement<(chunk: ChunkID, hash: SHA256Digest)> {
        Statement(
            "SELECT id, content_hash FROM chunks WHERE document_id = $1 ORDER BY ordinal, id",
            [.int8(document.rawValue)]
        ) { row throws(PostgresError) in (ChunkID(rawValue: try row.int64(0)), try row.digest(1)) }
    }

    /// Chunks that stay keep their row and take their new place; rows that would not change are not written.
    static func move(_ kept: [ChunkDiff.Kept], _ staged: [Staged], _ version: DocumentVersionID) -> Statement<Void> {
        Statement(
            """
            UPDATE chunks SET ordinal = kept.place, char_from = staged.char_from, char_to = staged.char_to,
                page_from = staged.page_from, page_to = staged.page_to, heading_path = staged.heading_path
            FROM unnest($2::int8[], $3::int4[], $4::int4[], $5::int2[]) AS kept (chunk, place, ordinal, part)
            JOIN staged_chunks AS staged ON staged.version_id = $1 AND staged.ordinal = kept.ordinal AND staged.part = kept.part
            WHERE chunks.id = kept.chunk AND (
                chunks.ordinal, chunks.char_from, chunks.char_to, chunks.page_from, chunks.page_to, chunks.heading_path
            ) IS DISTINCT FROM (
                kept.place, staged.char_from, staged.char_to, staged.page_from, staged.page_to, staged.heading_path
            )
            """,
            [
                .int8(version.rawValue), .int8Array(kept.map(\.chunk.rawValue)), .int4Array(kept.map(\.place)),
                .int4Array(kept.map { staged[$0.place].ordinal }), .int2Array(kept.map { staged[$0.place].part }),
            ]
        )
    }

    static func add(
        _ places: [Int],
        _ staged: [Staged],
        _ version: DocumentVersionID,
        _ document: DocumentID
    ) -> Statement<Void> {
        Statement(
            """
            INSERT INTO chunks (
                tenant_id, document_id, ordinal, char_from, char_to, page_from, page_to, heading_path, content_hash, text
            )
            SELECT tenant_id, $2, added.place, char_from, char_to, page_from, page_to, heading_path, content_hash, text
            FROM unnest($3::int4[], $4::int4[], $5::int2[]) AS added (place, ordinal, part)
            JOIN staged_chunks AS staged ON staged.version_id = $1 AND staged.ordinal = added.ordinal
                AND staged.part = added.part
            ORDER BY added.place
            """,
            [
                .int8(version.rawValue), .int8(document.rawValue), .int4Array(places),
                .int4Array(places.map { staged[$0].ordinal }), .int2Array(places.map { staged[$0].part }),
            ]
        )
    }

    static func remove(_ chunks: [ChunkID]) -> Statement<Void> {
        Statement("DELETE FROM chunks WHERE id = ANY ($1::int8[])", [.int8Array(chunks.map(\.rawValue))])
    }

    /// Vectors of the document's chunks that a version of the index lacks, from the cache. In the order of chunk ids, so
    /// that two transactions cannot deadlock on them.
    static func addVectors(_ table: String, _ document: DocumentID, _ model: ModelIdentity) -> Statement<Void> {
        Statement(
            """
            INSERT INTO \(quotedIdentifier(table)) (chunk_id, tenant_id, content_hash, embedding)
            SELECT chunks.id, chunks.tenant_id, chunks.content_hash, cache.embedding
            FROM chunks JOIN embedding_cache AS cache ON cache.tenant_id = chunks.tenant_id
                AND cache.model_fingerprint = $2 AND cache.content_hash = chunks.content_hash
            WHERE chunks.document_id = $1 AND NOT EXISTS (
                SELECT FROM \(quotedIdentifier(table)) AS present
                WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
            )
            ORDER BY chunks.id ON CONFLICT DO NOTHING
            """,
            [.int8(document.rawValue), .text(model.fingerprint)]
        )
    }

    /// Vectors of the document's chunks that a version of the index lacks, from one that has them all.
    static func copyVectors(
        _ storage: VectorStorage,
        into table: String,
        from live: String,
        _ document: DocumentID
    ) -> Statement<Void> {
        let table = quotedIdentifier(table)
        return Statement(
            """
            INSERT INTO \(table) (chunk_id, tenant_id, content_hash, embedding)
            SELECT live.chunk_id, live.tenant_id, live.content_hash, live.embedding::\(storage.rawValue)
            FROM chunks JOIN \(quotedIdentifier(live)) AS live
                ON live.chunk_id = chunks.id AND live.tenant_id = chunks.tenant_id
            WHERE chunks.document_id = $1 AND NOT EXISTS (
                SELECT FROM \(table) AS present
                WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
            )
            ORDER BY chunks.id ON CONFLICT DO NOTHING
            """,
            [.int8(document.rawValue)]
        )
    }

    /// Keeps the vectors of live chunks in the cache, from where `addVectors` takes those of new twins of them.
    static func cacheLive(_ table: String, _ document: DocumentID, _ model: ModelIdentity) -> Statement<Void> {
        Statement(
            """
            INSERT INTO embedding_cache (tenant_id, model_fingerprint, content_hash, embedding)
            SELECT DISTINCT ON (live.content_hash) live.tenant_id, $2, live.content_hash, live.embedding
            FROM \(quotedIdentifier(table)) AS live
                JOIN chunks ON chunks.id = live.chunk_id AND chunks.tenant_id = live.tenant_id
            WHERE chunks.document_id = $1 ORDER BY live.content_hash
            ON CONFLICT DO NOTHING
            """,
            [.int8(document.rawValue), .text(model.fingerprint)]
        )
    }

    static func countWithoutVector(_ table: String, _ document: DocumentID) -> Statement<Int> {
        Statement(
            """
            SELECT count(*) FROM chunks WHERE document_id = $1 AND NOT EXISTS (
                SELECT FROM \(quotedIdentifier(table)) AS present
                WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
            )
            """,
            [.int8(document.rawValue)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    static func publish(_ version: DocumentVersionID, _ document: DocumentID) -> Statement<Void> {
        Statement(
            """
            WITH superseded AS (
                UPDATE document_versions SET state = 'superseded' WHERE document_id = $2 AND state = 'live'
            ), published AS (
                UPDATE document_versions SET state = 'live', live_at = now(),
                    chunk_count = (SELECT count(*) FROM staged_chunks WHERE version_id = $1) WHERE id = $1
            ), cleared AS (
                DELETE FROM staged_chunks WHERE version_id = $1
            )
            UPDATE documents SET state = 'live', live_version = $1, outcome = 'ok', outcome_detail = NULL, updated_at = now(),
                checked_at = (SELECT created_at FROM document_versions WHERE id = $1)
            WHERE id = $2
            """,
            [.int8(version.rawValue), .int8(document.rawValue)]
        )
    }

    /// Tells the ingests that asked for the document before the version's source was read.
    static func tellBatches(_ version: DocumentVersionID, _ document: DocumentID) -> Statement<Void> {
        Statement(
            """
            UPDATE batch_documents SET result = 'ok' WHERE document_id = $2 AND result IS NULL
                AND request <= (SELECT request FROM document_versions WHERE id = $1)
            """,
            [.int8(version.rawValue), .int8(document.rawValue)]
        )
    }

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
        guard
            let (answering, answers) = written.first(where: { $0.version.state == .live }).map({
                ($0.version, $0.table)
            })
        else {
            throw TaskFailure(
                errorClass: "index.gone",
                message: "the index of document \(document) has no live version"
            )
        }
        let live = try await transaction.query(live(document))
        if looksFirst || answering.spec.model != frame.model {
            let known = Set(live.map(\.hash))
            let lacking = try await transaction.query(DocumentStatements.missing(version, answering.spec.model))
                .filter { !known.contains($0.hash) }.map(\.ordinal)
            if !lacking.isEmpty { return .lacks(answering.spec.model, ordinals: lacking) }
            try await transaction.execute(cacheLive(answers, document, answering.spec.model))
        }
        // The whole list of a document is large for the server's statistics, which know nothing of this transaction: what is
        // matched here needs no plan.
        let staged = try await transaction.query(staged(version))
        let diff = ChunkDiff(live: live, staged: staged.map(\.hash))
        var changes: [Statement<Void>] = []
        if !diff.gone.isEmpty { changes.append(remove(diff.gone)) }
        if !diff.kept.isEmpty { changes.append(move(diff.kept, staged, version)) }
        if !diff.added.isEmpty { changes.append(add(diff.added, staged, version, document)) }
        try await transaction.execute(changes)
        try await transaction.execute(addVectors(answers, document, answering.spec.model))
        try await check(answering, answers, document, transaction)
        for (other, table) in written.map({ ($0.version, $0.table) }) where other.id != answering.id {
            if other.spec.model == answering.spec.model {
                try await transaction.execute(copyVectors(other.spec.storage, into: table, from: answers, document))
                try await check(other, table, document, transaction)
                continue
            }
            try await transaction.execute(addVectors(table, document, other.spec.model))
            if try await transaction.query(countWithoutVector(table, document)).first != 0 {
                try await enqueue([embedTask(other, frame)])
            }
        }
        try await transaction.execute(publish(version, document))
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

    private static func check(
        _ indexVersion: IndexVersionRecord,
        _ table: String,
        _ document: DocumentID,
        _ transaction: PostgresTransaction
    ) async throws {
        let without = try await transaction.query(countWithoutVector(table, document)).first ?? 0
        if without > 0 {
            throw TaskFailure(
                errorClass: missing,
                message:
                    "\(without) chunks of document \(document) have no vector of model \(indexVersion.spec.model.fingerprint); "
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
