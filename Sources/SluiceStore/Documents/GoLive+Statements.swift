internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

/// What it reads and writes. Clock: the server's `now()`.
extension GoLive {
    /// A staged chunk, by its key.
    struct Staged: Sendable {
        let ordinal: Int
        let part: Int
        let hash: SHA256Digest
        /// The chunk set that it belongs to.
        let set: Int
    }

    static func staged(_ version: DocumentVersionID) -> Statement<Staged> {
        Statement(
            """
            SELECT ordinal, part, content_hash, coalesce(chunk_set, 1) FROM staged_chunks WHERE version_id = $1
            ORDER BY ordinal, part
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in
            Staged(
                ordinal: try row.int32(0),
                part: try row.int16(1),
                hash: try row.digest(2),
                set: try row.int32(3)
            )
        }
    }

    /// A chunk of the document, of any set.
    struct Live: Sendable {
        let chunk: ChunkID
        let hash: SHA256Digest
        let set: Int
    }

    static func live(_ document: DocumentID) -> Statement<Live> {
        Statement(
            "SELECT id, content_hash, chunk_set FROM chunks WHERE document_id = $1 ORDER BY ordinal, id",
            [.int8(document.rawValue)]
        ) { row throws(PostgresError) in
            Live(chunk: ChunkID(rawValue: try row.int64(0)), hash: try row.digest(1), set: try row.int32(2))
        }
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
        _ document: DocumentID,
        set: Int
    ) -> Statement<Void> {
        Statement(
            """
            INSERT INTO chunks (
                tenant_id, document_id, ordinal, char_from, char_to, page_from, page_to, heading_path, content_hash, text,
                chunk_set
            )
            SELECT tenant_id, $2, added.place, char_from, char_to, page_from, page_to, heading_path, content_hash, text, $6
            FROM unnest($3::int4[], $4::int4[], $5::int2[]) AS added (place, ordinal, part)
            JOIN staged_chunks AS staged ON staged.version_id = $1 AND staged.ordinal = added.ordinal
                AND staged.part = added.part
            ORDER BY added.place
            """,
            [
                .int8(version.rawValue), .int8(document.rawValue), .int4Array(places),
                .int4Array(places.map { staged[$0].ordinal }), .int2Array(places.map { staged[$0].part }), .int4(set),
            ]
        )
    }

    static func remove(_ chunks: [ChunkID]) -> Statement<Void> {
        Statement("DELETE FROM chunks WHERE id = ANY ($1::int8[])", [.int8Array(chunks.map(\.rawValue))])
    }

    /// Vectors of the document's chunks that a version of the index lacks, from the cache. In the order of chunk ids, so
    /// that two transactions cannot deadlock on them.
    static func addVectors(_ written: VersionStatements.Written, _ document: DocumentID) -> Statement<Void> {
        let (version, table) = (written.version, quotedIdentifier(written.table))
        return Statement(
            """
            INSERT INTO \(table) (chunk_id, tenant_id, content_hash, embedding)
            SELECT chunks.id, chunks.tenant_id, chunks.content_hash, cache.embedding
            FROM chunks JOIN embedding_cache AS cache ON cache.tenant_id = chunks.tenant_id
                AND cache.model_fingerprint = $2 AND cache.content_hash = chunks.content_hash
            WHERE chunks.document_id = $1 AND chunks.chunk_set = $3 AND NOT EXISTS (
                SELECT FROM \(table) AS present
                WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
            )
            ORDER BY chunks.id ON CONFLICT DO NOTHING
            """,
            [.int8(document.rawValue), .text(version.spec.model.fingerprint), .int4(version.chunkSet)]
        )
    }

    /// Vectors of the document's chunks that a version of the index lacks, from one of its chunk set that has them
    /// all.
    static func copyVectors(
        _ written: VersionStatements.Written,
        from live: VersionStatements.Written,
        _ document: DocumentID
    ) -> Statement<Void> {
        let (version, table) = (written.version, quotedIdentifier(written.table))
        return Statement(
            """
            INSERT INTO \(table) (chunk_id, tenant_id, content_hash, embedding)
            SELECT live.chunk_id, live.tenant_id, live.content_hash, live.embedding::\(version.spec.storage.rawValue)
            FROM chunks JOIN \(quotedIdentifier(live.table)) AS live
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

    static func countWithoutVector(_ written: VersionStatements.Written, _ document: DocumentID) -> Statement<Int> {
        let (version, table) = (written.version, quotedIdentifier(written.table))
        return Statement(
            """
            SELECT count(*) FROM chunks WHERE document_id = $1 AND chunk_set = $2 AND NOT EXISTS (
                SELECT FROM \(table) AS present
                WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
            )
            """,
            [.int8(document.rawValue), .int4(version.chunkSet)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    /// - Parameter set: the chunk set that answers, whose chunks the version is said to have.
    static func publish(_ version: DocumentVersionID, _ document: DocumentID, set: Int) -> Statement<Void> {
        Statement(
            """
            WITH superseded AS (
                UPDATE document_versions SET state = 'superseded' WHERE document_id = $2 AND state = 'live' RETURNING id
            ), forgotten AS (
                DELETE FROM document_texts USING superseded WHERE document_id = $2 AND version_id = superseded.id
            ), published AS (
                UPDATE document_versions SET state = 'live', live_at = now(),
                    chunk_count = (
                        SELECT count(*) FROM staged_chunks WHERE version_id = $1 AND coalesce(chunk_set, 1) = $3
                    ) WHERE id = $1
            ), cleared AS (
                DELETE FROM staged_chunks WHERE version_id = $1
            )
            UPDATE documents SET state = 'live', live_version = $1, outcome = 'ok', outcome_detail = NULL, updated_at = now(),
                checked_at = (SELECT created_at FROM document_versions WHERE id = $1)
            WHERE id = $2
            """,
            [.int8(version.rawValue), .int8(document.rawValue), .int4(set)]
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
}
