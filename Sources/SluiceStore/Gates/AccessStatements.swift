internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Who may find what, read from the documents' rows and by no search: what searches are compared with.
enum AccessStatements {
    /// What readers can find at all, and not everyone may.
    private static let isRestricted =
        "live_version IS NOT NULL AND principals IS NOT NULL AND NOT '*' = ANY (principals)"

    /// Each with its first chunk that the version has. Documents without one are passed by, however many come first.
    static func restricted(_ subject: GateSubject, _ count: Int, _ seed: UInt64) -> Statement<RestrictedDocument> {
        let table = quotedIdentifier(IndexVersionNames.table(subject.version.id))
        return Statement(
            """
            SELECT restricted.id, restricted.tenant_id, restricted.principals, chunk.text, halfvec_send(chunk.embedding::halfvec)
            FROM (
                SELECT id, tenant_id, principals, hashint8extended(id, $2) AS place FROM documents
                WHERE index_id = $1 AND \(isRestricted) ORDER BY place, id OFFSET 0
            ) AS restricted CROSS JOIN LATERAL (
                SELECT chunks.text, embedded.embedding
                FROM chunks JOIN \(table) AS embedded ON embedded.chunk_id = chunks.id
                WHERE chunks.document_id = restricted.id ORDER BY chunks.ordinal LIMIT 1
            ) AS chunk
            ORDER BY restricted.place, restricted.id LIMIT $3
            """,
            [.int8(subject.index.rawValue), .int8(Int64(bitPattern: seed)), .int8(Int64(count))]
        ) { row throws(PostgresError) in
            RestrictedDocument(
                document: DocumentID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                principals: try row.textArray(2),
                text: try row.text(3),
                vector: try HalfVector.decode(try row.bytes(4))
            )
        }
    }

    /// Whether there is a document to ask for, in whatever version its chunks are.
    static func hasRestricted(_ index: IndexID) -> Statement<Bool> {
        Statement(
            """
            SELECT EXISTS (
                SELECT FROM documents WHERE index_id = $1 AND \(isRestricted)
                    AND EXISTS (SELECT FROM chunks WHERE document_id = documents.id)
            )
            """,
            [.int8(index.rawValue)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    static func hidden(_ documents: [DocumentID], _ principals: [String]) -> Statement<DocumentID> {
        Statement(
            """
            SELECT id FROM documents WHERE id = ANY ($1::int8[]) AND principals IS NOT NULL
                AND NOT '*' = ANY (principals) AND NOT principals && $2::text[]
            """,
            [.int8Array(documents.map(\.rawValue)), .textArray(principals)]
        ) { row throws(PostgresError) in DocumentID(rawValue: try row.int64(0)) }
    }
}
