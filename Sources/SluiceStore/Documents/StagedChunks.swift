internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

/// Chunks of versions that are not live yet.
enum StagedChunks {
    private static let columns = [
        "version_id", "ordinal", "part", "tenant_id", "char_from", "char_to", "page_from", "page_to", "heading_path",
        "content_hash", "text", "chunk_set",
    ]

    /// Of a row with, from its third column on, both limits in characters, both in pages, headings, hash and text.
    static func draft(_ row: PGRow, ordinal: Int) throws(PostgresError) -> ChunkDraft {
        ChunkDraft(
            ordinal: ordinal,
            text: try row.text(8),
            charFrom: try row.int32(2),
            charTo: try row.int32(3),
            pageFrom: try row.optionalInt32(4),
            pageTo: try row.optionalInt32(5),
            headingPath: try row.textArray(6),
            contentHash: try row.digest(7)
        )
    }

    struct Row: Sendable {
        let draft: ChunkDraft
        /// 0, or the piece's number when a chunk was too long and was split.
        let part: Int
        let set: Int
    }

    /// Writes drafts with their part numbers: by binary COPY into a temporary table, since COPY does not go into tables with
    /// row-level security, and from there.
    static func copy(
        _ chunks: [Row],
        version: DocumentVersionID,
        tenant: TenantID,
        _ transaction: PostgresTransaction
    ) async throws {
        if chunks.isEmpty { return }
        var rows = CopyRows()
        for chunk in chunks {
            let draft = chunk.draft
            try rows.append([
                .int8(version.rawValue), .int4(draft.ordinal), .int2(chunk.part), .text(tenant.rawValue),
                .int4(draft.charFrom), .int4(draft.charTo), .optionalInt4(draft.pageFrom), .optionalInt4(draft.pageTo),
                .textArray(draft.headingPath), .bytes(draft.contentHash.bytes), .text(draft.text), .int4(chunk.set),
            ])
        }
        try await transaction.script(
            "CREATE TEMP TABLE chunk_stage ON COMMIT DROP AS SELECT * FROM staged_chunks WITH NO DATA"
        )
        try await transaction.copy(into: "chunk_stage", columns: columns, rows: rows)
        try await transaction.execute(
            Statement("INSERT INTO staged_chunks SELECT * FROM chunk_stage ORDER BY ordinal, part")
        )
        try await transaction.script("DROP TABLE chunk_stage")
    }

    /// Staged chunks of a range that the cache has no vector for, in order.
    static func withoutVector(
        _ version: DocumentVersionID,
        _ ordinals: ClosedRange<Int>
    ) -> Statement<ChunkToEmbed> {
        Statement(
            """
            SELECT ordinal, part, char_from, char_to, page_from, page_to, heading_path, staged_chunks.content_hash, text
            FROM staged_chunks JOIN document_versions ON document_versions.id = version_id
            JOIN documents ON documents.id = document_versions.document_id
            JOIN indexes ON indexes.id = documents.index_id
            JOIN index_versions ON index_versions.id = indexes.live_version
            WHERE version_id = $1 AND ordinal BETWEEN $2 AND $3 AND document_versions.state = 'embedding'
                AND NOT EXISTS (
                    SELECT FROM embedding_cache AS cache WHERE cache.tenant_id = staged_chunks.tenant_id
                        AND cache.model_fingerprint = coalesce(
                            document_versions.model_fingerprint, index_versions.model_fingerprint
                        )
                        AND cache.content_hash = staged_chunks.content_hash
                )
            ORDER BY ordinal, part
            """,
            [.int8(version.rawValue), .int4(ordinals.lowerBound), .int4(ordinals.upperBound)]
        ) { row throws(PostgresError) in
            let ordinal = try row.int32(0)
            return ChunkToEmbed(
                ordinal: ordinal,
                part: try row.int16(1),
                draft: try draft(row, ordinal: ordinal)
            )
        }
    }

    /// What its chunks are to be embedded with: the index's model when it was staged.
    static func model(_ version: DocumentVersionID) -> Statement<ModelIdentity> {
        Statement(
            """
            SELECT coalesce(document_versions.model_fingerprint, index_versions.model_fingerprint),
                coalesce(document_versions.model_dimension, index_versions.dimension)
            FROM document_versions JOIN documents ON documents.id = document_versions.document_id
            JOIN indexes ON indexes.id = documents.index_id
            JOIN index_versions ON index_versions.id = indexes.live_version
            WHERE document_versions.id = $1
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in ModelIdentity(fingerprint: try row.text(0), dimension: try row.int32(1)) }
    }

    /// Returns what was removed, and of which chunk set it was.
    static func remove(_ version: DocumentVersionID, ordinals: [Int]) -> Statement<(ordinal: Int, set: Int)> {
        Statement(
            """
            DELETE FROM staged_chunks WHERE version_id = $1 AND ordinal = ANY ($2::int4[])
            RETURNING ordinal, coalesce(chunk_set, 1)
            """,
            [.int8(version.rawValue), .int4Array(ordinals)]
        ) { row throws(PostgresError) in (try row.int32(0), try row.int32(1)) }
    }
}
