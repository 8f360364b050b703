package import SluiceCore
internal import SluicePostgres

/// A document as operators see it.
package struct DocumentRecord: Sendable {
    package let id: DocumentID
    package let tenant: TenantID
    package let index: String
    package let uri: String
    package let state: String
    package let outcome: String?
    package let detail: String?
    package let title: String?
    package let author: String?
    package let mediaType: String?
    package let pages: Int?
    package let chunks: Int?
    package let versionNumber: Int?
    package let task: TaskID?
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let updatedAt: Int64
    package let liveAt: Int64?
}

/// One version of a document.
package struct DocumentVersionRecord: Sendable {
    package let number: Int
    package let state: String
    package let pages: Int
    package let chunks: Int
    package let kept: Int
    package let cached: Int
    package let embedded: Int
    package let pendingTasks: Int
    /// Microseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let liveAt: Int64?
}

extension Store {
    /// A tenant's documents, newest change first. `outcome` and `state` nil mean any.
    package func documents(
        tenant: TenantID,
        state: String?,
        outcome: String?,
        limit: Int
    ) async throws -> [DocumentRecord] {
        try await inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(
                Self.documentRecord(
                    "($1::text IS NULL OR documents.state = $1) AND ($2::text IS NULL OR documents.outcome = $2)",
                    [.optionalText(state), .optionalText(outcome), .int8(Int64(limit))],
                    limit: "$3"
                )
            )
        }
    }

    /// A document by its number or its URI.
    package func documents(named reference: String, tenant: TenantID) async throws -> [DocumentRecord] {
        try await inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(
                Self.documentRecord(
                    "documents.id = $1 OR documents.uri = $2",
                    [.optionalInt8(Int64(reference)), .text(reference)],
                    limit: "100"
                )
            )
        }
    }

    package func versions(of document: DocumentID, tenant: TenantID) async throws -> [DocumentVersionRecord] {
        try await inTenant(tenant, readOnly: true) { transaction in
            try await transaction.query(
                Statement(
                    """
                    SELECT number, state, page_count, chunk_count, chunks_kept, chunks_cached, chunks_embedded,
                        embeds_pending, created_at, live_at
                    FROM document_versions WHERE document_id = $1 ORDER BY number DESC
                    """,
                    [.int8(document.rawValue)]
                ) { row throws(PostgresError) in
                    DocumentVersionRecord(
                        number: try row.int32(0),
                        state: try row.text(1),
                        pages: try row.int32(2),
                        chunks: try row.int32(3),
                        kept: try row.int32(4),
                        cached: try row.int32(5),
                        embedded: try row.int32(6),
                        pendingTasks: try row.int32(7),
                        createdAt: try row.timestamp(8),
                        liveAt: try row.optionalTimestamp(9)
                    )
                }
            )
        }
    }

    private static func documentRecord(
        _ condition: String,
        _ values: [PGValue],
        limit: String
    ) -> Statement<DocumentRecord> {
        Statement(
            """
            SELECT documents.id, documents.tenant_id, indexes.name, documents.uri, documents.state, documents.outcome,
                documents.outcome_detail, live.title, live.author, live.media_type, live.page_count, live.chunk_count,
                live.number, documents.task_id, documents.created_at, documents.updated_at, live.live_at
            FROM documents JOIN indexes ON indexes.id = documents.index_id
            LEFT JOIN document_versions AS live ON live.id = documents.live_version
            WHERE \(condition) ORDER BY documents.updated_at DESC, documents.id DESC LIMIT \(limit)
            """,
            values
        ) { row throws(PostgresError) in
            DocumentRecord(
                id: DocumentID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                index: try row.text(2),
                uri: try row.text(3),
                state: try row.text(4),
                outcome: try row.optionalText(5),
                detail: try row.optionalText(6),
                title: try row.optionalText(7),
                author: try row.optionalText(8),
                mediaType: try row.optionalText(9),
                pages: try row.optionalInt32(10),
                chunks: try row.optionalInt32(11),
                versionNumber: try row.optionalInt32(12),
                task: try row.optionalInt64(13).map { TaskID(rawValue: $0) },
                createdAt: try row.timestamp(14),
                updatedAt: try row.timestamp(15),
                liveAt: try row.optionalTimestamp(16)
            )
        }
    }
}
