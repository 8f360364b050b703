internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Chunk sets, and the cutting of documents for one. Clock: the server's `now()`.
enum ChunkSetStatements {
    /// What a chunker's fingerprint says of sizes, for operators.
    static func sizes(_ fingerprint: String) -> [PGValue] {
        let configuration = Chunker(fingerprint: fingerprint)?.configuration
        return [.optionalInt4(configuration?.chunkSize), .optionalInt4(configuration?.overlap)]
    }

    /// Registers a set with the next number of its index, which nobody ever had.
    static func insert(_ index: IndexID, _ fingerprint: String) -> Statement<Int> {
        Statement(
            """
            INSERT INTO chunk_sets (index_id, number, chunker_fingerprint, chunk_size, chunk_overlap)
            VALUES ($1, (SELECT coalesce(max(number), 0) + 1 FROM chunk_sets WHERE index_id = $1), $2, $3, $4)
            RETURNING number
            """,
            [.int8(index.rawValue), .text(fingerprint)] + sizes(fingerprint)
        ) { row throws(PostgresError) in try row.int32(0) }
    }

    /// Whether a version that is about to be written to finds its set whole: filled by others, or its own to fill.
    static func isKept(_ version: IndexVersionRecord) -> Statement<Bool> {
        Statement(
            """
            SELECT document_cursor IS NOT NULL OR EXISTS (
                SELECT FROM index_versions AS other WHERE other.index_id = mine.index_id AND other.id <> mine.id
                    AND other.chunk_set = mine.chunk_set AND other.state IN \(VersionStatements.writtenStates)
            )
            FROM index_versions AS mine WHERE id = $1
            """,
            [.int8(version.id.rawValue)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    // MARK: - Cutting

    /// The last of the next documents, of whatever index, and how many there are, `limit` at most.
    ///
    /// - Index: the primary key of `documents`.
    static func range(after cursor: Int64, limit: Int) -> Statement<(last: Int64?, seen: Int)> {
        Statement(
            "SELECT max(id), count(*) FROM (SELECT id FROM documents WHERE id > $1 ORDER BY id LIMIT $2) AS range",
            [.int8(cursor), .int8(Int64(limit))]
        ) { row throws(PostgresError) in (try row.optionalInt64(0), Int(try row.int64(1))) }
    }

    struct Candidate: Sendable {
        let document: DocumentID
        let tenant: TenantID
        let version: DocumentVersionID
        let hasText: Bool
        /// A task that reads it again, and one that did so in vain.
        let isBeingRead: Bool
        let isStuck: Bool
    }

    /// On rows of `documents`: it or its tenant is to be forgotten. Its vectors go first, then its chunks, and the row itself last,
    /// perhaps hours later: what it lacks meanwhile nobody needs.
    ///
    /// - Index: `erasures_open_idx`.
    static let isBeingErased = """
        EXISTS (
            SELECT FROM erasures WHERE completed_at IS NULL AND erasures.tenant_id = documents.tenant_id
                AND (scope = 'tenant' OR erasures.document_id = documents.id)
        )
        """

    /// On rows of `documents`, of which `$1` is the index: it answers, and has no chunks in the set.
    static func isUncut(in set: String = "$2") -> String {
        """
        documents.index_id = $1 AND documents.live_version IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM chunks WHERE chunks.document_id = documents.id AND chunks.chunk_set = \(set)
            )
            AND NOT \(isBeingErased)
        """
    }
    private static let hasText = """
        EXISTS (
            SELECT FROM document_texts AS texts
            WHERE texts.document_id = documents.id AND texts.version_id = documents.live_version
        )
        """
    /// - Index: `tasks_unique_idx`.
    private static let isBeingRead = """
        EXISTS (
            SELECT FROM tasks WHERE tasks.tenant_id = documents.tenant_id AND tasks.kind = 'document.ingest'
                AND tasks.unique_key = 'document/' || documents.id
        )
        """
    /// - Index: `dead_letters_key_idx`.
    private static let isStuck = """
        (coalesce(documents.outcome, 'ok') <> 'ok' OR EXISTS (
            SELECT FROM dead_letters WHERE dead_letters.tenant_id = documents.tenant_id
                AND dead_letters.kind = 'document.ingest' AND dead_letters.unique_key = 'document/' || documents.id
        ))
        """

    /// Documents in a range of ids that have no chunks in the version's set.
    ///
    /// - Index: the primary keys of `documents` and `document_texts`, `chunks_document_idx`.
    static func candidates(_ version: IndexVersionRecord, in range: ClosedRange<Int64>) -> Statement<Candidate> {
        Statement(
            """
            SELECT documents.id, documents.tenant_id, documents.live_version, \(hasText), \(isBeingRead), \(isStuck)
            FROM documents WHERE documents.id BETWEEN $3 AND $4 AND \(isUncut()) ORDER BY documents.id
            """,
            [
                .int8(version.index.rawValue), .int4(version.chunkSet), .int8(range.lowerBound),
                .int8(range.upperBound),
            ]
        ) { row throws(PostgresError) in
            Candidate(
                document: DocumentID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                version: DocumentVersionID(rawValue: try row.int64(2)),
                hasText: try row.bool(3),
                isBeingRead: try row.bool(4),
                isStuck: try row.bool(5)
            )
        }
    }

    /// Holds a document of which this version answers, and that has no chunks in the set, until the transaction ends. No row when it
    /// moved on, or somebody else is at it: nobody is waited for.
    static func hold(_ document: Candidate, for version: IndexVersionRecord) -> Statement<DocumentID> {
        Statement(
            """
            SELECT id FROM documents WHERE \(isUncut()) AND documents.id = $3 AND documents.live_version = $4
            FOR UPDATE SKIP LOCKED
            """,
            [
                .int8(version.index.rawValue), .int4(version.chunkSet), .int8(document.document.rawValue),
                .int8(document.version.rawValue),
            ]
        ) { row throws(PostgresError) in DocumentID(rawValue: try row.int64(0)) }
    }

    /// From the temporary table `cut_stage` into the set. Returns the new chunks.
    static func addCut(_ document: DocumentID, _ tenant: TenantID, set: Int) -> Statement<ChunkID> {
        Statement(
            """
            INSERT INTO chunks (
                tenant_id, document_id, ordinal, char_from, char_to, page_from, page_to, heading_path, content_hash, text,
                chunk_set
            )
            SELECT $1, $2, ordinal, char_from, char_to, page_from, page_to, heading_path, content_hash, text, $3
            FROM cut_stage ORDER BY position RETURNING id
            """,
            [.text(tenant.rawValue), .int8(document.rawValue), .int4(set)]
        ) { row throws(PostgresError) in ChunkID(rawValue: try row.int64(0)) }
    }

    /// Vectors of the document's chunks of the version's set whose text chunks of the other version have.
    static func copyEqual(
        _ version: IndexVersionRecord,
        _ table: String,
        from other: IndexVersionRecord,
        _ otherTable: String,
        _ document: DocumentID
    ) -> Statement<Void> {
        let table = quotedIdentifier(table)
        return Statement(
            """
            INSERT INTO \(table) (chunk_id, tenant_id, content_hash, embedding)
            SELECT DISTINCT ON (mine.id) mine.id, mine.tenant_id, mine.content_hash,
                held.embedding::\(version.spec.storage.rawValue)
            FROM chunks AS mine JOIN chunks AS equal ON equal.document_id = mine.document_id AND equal.chunk_set = $3
                AND equal.content_hash = mine.content_hash
            JOIN \(quotedIdentifier(otherTable)) AS held ON held.chunk_id = equal.id
                AND held.tenant_id = equal.tenant_id AND held.content_hash = mine.content_hash
            WHERE mine.document_id = $1 AND mine.chunk_set = $2
            ORDER BY mine.id ON CONFLICT DO NOTHING
            """,
            [.int8(document.rawValue), .int4(version.chunkSet), .int4(other.chunkSet)]
        )
    }

    /// Advances the cursor. Touches no row when the version is not being built any more, or somebody else drives it.
    static func checkpoint(_ version: IndexVersionRecord, to cursor: Int64) -> Statement<Void> {
        Statement(
            """
            UPDATE index_versions SET document_cursor = $3 WHERE id = $1 AND state = 'building' AND document_cursor = $2
            """,
            [.int8(version.id.rawValue), .int8(version.documentCursor ?? 0), .int8(cursor)]
        )
    }

    static func restart(_ version: IndexVersionID, after document: Int64) -> Statement<Void> {
        Statement(
            """
            UPDATE index_versions SET document_cursor = $2
            WHERE id = $1 AND state = 'building' AND document_cursor IS NOT NULL
            """,
            [.int8(version.rawValue), .int8(document)]
        )
    }

    struct Uncut: Sendable {
        let found: UncutDocuments
        /// The last document looked at, of whatever index, and how many were.
        let last: Int64?
        let seen: Int
    }

    /// Of the next documents those that have no chunks in the version's set.
    ///
    /// - Index: the primary key of `documents`, then as `candidates`.
    static func uncut(_ version: IndexVersionRecord, after cursor: Int64, limit: Int) -> Statement<Uncut> {
        Statement(
            """
            WITH range AS MATERIALIZED (
                SELECT id, tenant_id, index_id, uri, live_version, outcome FROM documents WHERE id > $3 ORDER BY id LIMIT $4
            ), lacking AS MATERIALIZED (
                SELECT documents.id, uri, \(hasText) AS has_text, \(isBeingRead) AS is_being_read, \(isStuck) AS is_stuck
                FROM range AS documents WHERE \(isUncut())
            )
            SELECT count(*), min(id), count(*) FILTER (WHERE NOT has_text AND is_being_read),
                count(*) FILTER (WHERE NOT has_text AND NOT is_being_read AND is_stuck),
                min(uri) FILTER (WHERE NOT has_text AND NOT is_being_read AND is_stuck),
                (SELECT max(id) FROM range), (SELECT count(*) FROM range)
            FROM lacking
            """,
            [
                .int8(version.index.rawValue), .int4(version.chunkSet), .int8(cursor), .int8(Int64(limit)),
            ]
        ) { row throws(PostgresError) in
            Uncut(
                found: UncutDocuments(
                    count: Int(try row.int64(0)),
                    first: try row.optionalInt64(1),
                    waiting: Int(try row.int64(2)),
                    stuck: Int(try row.int64(3)),
                    example: try row.optionalText(4)
                ),
                last: try row.optionalInt64(5),
                seen: Int(try row.int64(6))
            )
        }
    }
}
