internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Texts of document versions, kept so that documents can be cut anew when their source is gone.
enum DocumentTexts {
    /// - Index: the primary key. Keeps what is there.
    static func keep(
        _ text: ExtractedText,
        of version: DocumentVersionID,
        _ document: DocumentID,
        _ tenant: TenantID
    ) -> Statement<Void> {
        Statement(
            """
            INSERT INTO document_texts (document_id, version_id, tenant_id, page_starts, text) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING
            """,
            [
                .int8(document.rawValue), .int8(version.rawValue), .text(tenant.rawValue), .int4Array(text.pageStarts),
                .text(text.text),
            ]
        )
    }

    /// What a chunker needs of it; of the metadata the media type alone.
    static func text(of version: DocumentVersionID) -> Statement<ExtractedText> {
        Statement(
            """
            SELECT texts.text, texts.page_starts::int8[], version.media_type, version.page_count
            FROM document_versions AS version JOIN document_texts AS texts ON texts.document_id = version.document_id
                AND texts.version_id = version.id
            WHERE version.id = $1
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in
            ExtractedText(
                text: try row.text(0),
                pageStarts: try row.int64Array(1).map { Int($0) },
                metadata: DocumentMetadata(mediaType: try row.text(2), pageCount: try row.int32(3))
            )
        }
    }
}

/// What cuts a chunk set.
struct SetChunker: Sendable {
    let set: Int
    let chunker: Chunker

    init(_ version: IndexVersionRecord) throws(TaskFailure) {
        set = version.chunkSet
        guard let chunker = Chunker(fingerprint: version.spec.chunkerFingerprint) else {
            throw TaskFailure(
                errorClass: "chunker.unknown",
                message: "index '\(version.indexName)' is cut by a chunker that this program does not know: "
                    + "\(version.spec.chunkerFingerprint); upgrade it"
            )
        }
        self.chunker = chunker
    }

    /// Tens of milliseconds a megabyte: off the caller's thread.
    @concurrent
    func cut(_ text: ExtractedText) async -> [ChunkDraft] { chunker.chunk(text) }
}
