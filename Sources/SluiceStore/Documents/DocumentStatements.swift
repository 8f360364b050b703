internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

/// Documents and their versions. Clock: the server's `now()`.
enum DocumentStatements {
    /// The condition under which a row of `dead_letters` is a window of this version. Index: `dead_letters_version_idx`.
    static func deadWindow(of version: String) -> String {
        "dead_letters.kind = 'chunks.embed' AND (dead_letters.payload ->> 'version')::bigint = \(version)"
    }

    /// A version under way counts while something can still finish it: not with a dead window, and not when the windows that it
    /// waits for were cancelled.
    static func snapshot(_ id: DocumentID, _ tenant: TenantID) -> Statement<DocumentSnapshot> {
        Statement(
            """
            SELECT documents.id, documents.tenant_id, documents.uri, live.id, live.content_sha256, live.fingerprint,
                documents.requested, pending.id, pending.content_sha256, pending.fingerprint,
                documents.live_version IS NOT NULL AND EXISTS (
                    SELECT FROM index_versions AS filling
                    WHERE filling.index_id = indexes.id AND filling.state = 'building' AND filling.document_cursor IS NOT NULL
                ) AND NOT EXISTS (
                    SELECT FROM document_texts AS texts
                    WHERE texts.document_id = documents.id AND texts.version_id = documents.live_version
                ),
                \(IndexStatements.columns)
            FROM documents JOIN indexes ON indexes.id = documents.index_id
            JOIN index_versions ON index_versions.id = indexes.live_version
            LEFT JOIN document_versions AS live ON live.id = documents.live_version
            LEFT JOIN document_versions AS pending ON pending.document_id = documents.id AND pending.state = 'embedding'
                AND NOT EXISTS (SELECT FROM dead_letters WHERE \(deadWindow(of: "pending.id")))
                AND (pending.batch_id IS NULL OR EXISTS (
                    SELECT FROM tasks WHERE tasks.batch_id = pending.batch_id AND tasks.kind = 'chunks.embed'
                ))
            WHERE documents.id = $1 AND documents.tenant_id = $2
            """,
            [.int8(id.rawValue), .text(tenant.rawValue)]
        ) { row throws(PostgresError) in
            DocumentSnapshot(
                id: DocumentID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                index: try IndexStatements.decode(row, from: 11),
                uri: try row.text(2),
                request: try row.int64(6),
                liveVersion: try row.optionalInt64(3).map { DocumentVersionID(rawValue: $0) },
                liveContentHash: try row.optionalBytes(4).flatMap { SHA256Digest(bytes: $0) },
                liveFingerprint: try row.optionalText(5),
                pending: row.isNull(7)
                    ? nil
                    : PendingVersion(
                        id: DocumentVersionID(rawValue: try row.int64(7)),
                        contentHash: try row.digest(8),
                        fingerprint: try row.text(9)
                    ),
                isTextWanted: try row.bool(10)
            )
        }
    }

    /// What a locked document's row says.
    struct Held: Sendable {
        let liveVersion: DocumentVersionID?
        /// The number of the newest request to ingest it.
        let requested: Int64
    }

    /// Holds the document until the transaction ends: ingests of one document take turns. No row when it was erased, or is
    /// being erased, alone or with its tenant: nothing of it is written any more.
    static func lock(_ id: DocumentID) -> Statement<Held> {
        Statement(
            """
            SELECT live_version, requested FROM documents WHERE id = $1 AND NOT EXISTS (
                SELECT FROM erasures WHERE completed_at IS NULL AND erasures.tenant_id = documents.tenant_id
                    AND (scope = 'tenant' OR document_id = documents.id)
            ) FOR UPDATE
            """,
            [.int8(id.rawValue)]
        ) { row throws(PostgresError) in
            Held(
                liveVersion: try row.optionalInt64(0).map { DocumentVersionID(rawValue: $0) },
                requested: try row.int64(1)
            )
        }
    }

    static func insertVersion(_ version: StagedVersion) -> Statement<DocumentVersionID> {
        let metadata = version.metadata
        return Statement(
            """
            INSERT INTO document_versions (
                tenant_id, document_id, number, state, content_sha256, byte_count, fingerprint, media_type, title, author,
                source_created_at, source_modified_at, page_count, character_count, chunk_count, batch_id, request
            )
            VALUES (
                $1, $2, (SELECT coalesce(max(number), 0) + 1 FROM document_versions WHERE document_id = $2), 'embedding',
                $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
            ) RETURNING id
            """,
            [
                .text(version.tenant.rawValue), .int8(version.document.rawValue), .bytes(version.contentHash.bytes),
                .int8(Int64(version.byteCount)), .text(version.fingerprint), .text(metadata.mediaType),
                .optionalText(metadata.title), .optionalText(metadata.author), .timestamp(metadata.createdAt),
                .timestamp(metadata.modifiedAt), .int4(metadata.pageCount), .int8(Int64(version.characterCount)),
                .int4(version.chunks.count), .optionalInt8(version.batch?.rawValue),
                .int8(version.request),
            ]
        ) { row throws(PostgresError) in DocumentVersionID(rawValue: try row.int64(0)) }
    }

    static func markProcessing(_ id: DocumentID) -> Statement<Void> {
        Statement(
            "UPDATE documents SET state = 'processing', outcome = 'ok', outcome_detail = NULL, updated_at = now() WHERE id = $1",
            [.int8(id.rawValue)]
        )
    }

    /// Staged chunks that the cache has no vector for, of these chunk sets; nil: of all.
    static func missing(
        _ version: DocumentVersionID,
        _ model: ModelIdentity,
        sets: [Int]? = nil
    ) -> Statement<(ordinal: Int, hash: SHA256Digest)> {
        Statement(
            """
            SELECT DISTINCT ordinal, content_hash FROM staged_chunks
            WHERE version_id = $1 AND ($3::int4[] IS NULL OR coalesce(chunk_set, 1) = ANY ($3)) AND NOT EXISTS (
                SELECT FROM embedding_cache AS cache WHERE cache.tenant_id = staged_chunks.tenant_id
                    AND cache.model_fingerprint = $2 AND cache.content_hash = staged_chunks.content_hash
            )
            ORDER BY ordinal
            """,
            [.int8(version.rawValue), .text(model.fingerprint), sets.map { .int4Array($0) } ?? .null]
        ) { row throws(PostgresError) in (try row.int32(0), try row.digest(1)) }
    }

    static func planned(
        _ version: DocumentVersionID,
        kept: Int,
        cached: Int,
        tasks: Int,
        _ model: ModelIdentity
    ) -> Statement<Void> {
        Statement(
            """
            UPDATE document_versions SET chunks_kept = $2, chunks_cached = $3, embeds_pending = $4, model_fingerprint = $5,
                model_dimension = $6
            WHERE id = $1
            """,
            [
                .int8(version.rawValue), .int4(kept), .int4(cached), .int4(tasks), .text(model.fingerprint),
                .int4(model.dimension),
            ]
        )
    }
}

extension PGRow {
    /// A SHA-256 from a `bytea` of 32.
    func digest(_ column: Int) throws(PostgresError) -> SHA256Digest {
        guard let digest = SHA256Digest(bytes: try bytes(column)) else {
            throw PostgresError(.undecodableColumn, "column \(column) holds no SHA-256")
        }
        return digest
    }
}
