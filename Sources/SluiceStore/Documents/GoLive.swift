internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// The step that makes a staged version the one that answers, inside the transaction of the task that completes it.
enum GoLive {
    /// Chunks that stay keep their id and their vector and only move; new ones are added, vanished ones go. Equal texts are
    /// matched one by one, in order: a multiset difference.
    static func replaceChunks(_ version: DocumentVersionID, _ document: DocumentID) -> Statement<Void> {
        Statement(
            """
            WITH staged AS MATERIALIZED (
                SELECT *, row_number() OVER (ORDER BY ordinal, part)::int4 - 1 AS position,
                    row_number() OVER (PARTITION BY content_hash ORDER BY ordinal, part) AS twin
                FROM staged_chunks WHERE version_id = $1
            ), old AS MATERIALIZED (
                SELECT id, content_hash, row_number() OVER (PARTITION BY content_hash ORDER BY ordinal, id) AS twin
                FROM chunks WHERE document_id = $2
            ), matched AS MATERIALIZED (
                SELECT old.id, staged.* FROM staged JOIN old USING (content_hash, twin)
            ), moved AS (
                UPDATE chunks SET ordinal = position, char_from = matched.char_from, char_to = matched.char_to,
                    page_from = matched.page_from, page_to = matched.page_to, heading_path = matched.heading_path
                FROM matched WHERE chunks.id = matched.id AND (
                    chunks.ordinal, chunks.char_from, chunks.char_to, chunks.page_from, chunks.page_to, chunks.heading_path
                ) IS DISTINCT FROM (
                    position, matched.char_from, matched.char_to, matched.page_from, matched.page_to, matched.heading_path
                )
            ), gone AS (
                DELETE FROM chunks USING old LEFT JOIN matched USING (id)
                WHERE chunks.id = old.id AND matched.id IS NULL
            )
            INSERT INTO chunks (
                tenant_id, document_id, ordinal, char_from, char_to, page_from, page_to, heading_path, content_hash, text
            )
            SELECT staged.tenant_id, $2, staged.position, staged.char_from, staged.char_to, staged.page_from,
                staged.page_to, staged.heading_path, staged.content_hash, staged.text
            FROM staged LEFT JOIN old USING (content_hash, twin) WHERE old.id IS NULL ORDER BY staged.position
            """,
            [.int8(version.rawValue), .int8(document.rawValue)]
        )
    }

    /// Vectors of the document's chunks that a version of the index lacks, from the cache. In the order of chunk ids, so
    /// that two transactions cannot deadlock on them.
    static func addVectors(_ version: IndexVersionID, _ document: DocumentID, _ model: ModelIdentity) -> Statement<Void>
    {
        Statement(
            """
            INSERT INTO \(quotedIdentifier(IndexVersionNames.table(version))) (chunk_id, tenant_id, content_hash, embedding)
            SELECT chunks.id, chunks.tenant_id, chunks.content_hash, cache.embedding
            FROM chunks JOIN embedding_cache AS cache ON cache.tenant_id = chunks.tenant_id
                AND cache.model_fingerprint = $2 AND cache.content_hash = chunks.content_hash
            WHERE chunks.document_id = $1 AND NOT EXISTS (
                SELECT FROM \(quotedIdentifier(IndexVersionNames.table(version))) AS present WHERE present.chunk_id = chunks.id
            )
            ORDER BY chunks.id
            """,
            [.int8(document.rawValue), .text(model.fingerprint)]
        )
    }

    /// Keeps the vectors of live chunks in the cache, from where `addVectors` takes those of new twins of them.
    static func cacheLive(_ version: IndexVersionID, _ document: DocumentID, _ model: ModelIdentity) -> Statement<Void>
    {
        Statement(
            """
            INSERT INTO embedding_cache (tenant_id, model_fingerprint, content_hash, embedding)
            SELECT DISTINCT ON (live.content_hash) live.tenant_id, $2, live.content_hash, live.embedding
            FROM \(quotedIdentifier(IndexVersionNames.table(version))) AS live JOIN chunks ON chunks.id = live.chunk_id
            WHERE chunks.document_id = $1 ORDER BY live.content_hash
            ON CONFLICT DO NOTHING
            """,
            [.int8(document.rawValue), .text(model.fingerprint)]
        )
    }

    static func countWithoutVector(_ version: IndexVersionID, _ document: DocumentID) -> Statement<Int> {
        Statement(
            """
            SELECT count(*) FROM chunks WHERE document_id = $1 AND NOT EXISTS (
                SELECT FROM \(quotedIdentifier(IndexVersionNames.table(version))) AS present WHERE present.chunk_id = chunks.id
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
            UPDATE documents SET state = 'live', live_version = $1, outcome = 'ok', outcome_detail = NULL, updated_at = now()
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

    /// Runs all of it. Throws, and so rolls back, when a single chunk would be without its vector.
    static func run(
        _ version: DocumentVersionID,
        of document: DocumentID,
        model: ModelIdentity,
        in transaction: PostgresTransaction
    ) async throws {
        let written = try await transaction.query(IndexStatements.written(document, model))
        try await transaction.execute(replaceChunks(version, document))
        for indexVersion in written {
            try await transaction.execute(addVectors(indexVersion, document, model))
            let without = try await transaction.query(countWithoutVector(indexVersion, document)).first ?? 0
            if without > 0 {
                throw TaskFailure(
                    errorClass: "vectors.missing",
                    message: "\(without) chunks of document \(document) have no vector of model \(model.fingerprint); "
                        + "nothing was changed, ingest the document again"
                )
            }
        }
        try await transaction.execute(publish(version, document))
        try await transaction.execute(tellBatches(version, document))
    }
}
