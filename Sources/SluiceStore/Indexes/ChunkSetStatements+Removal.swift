internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Removing the chunks of a set. Clock: the server's `now()`.
extension ChunkSetStatements {
    /// Holds a set that is still there although no version reads it, or will, until the transaction ends. Returns up to which document
    /// it has been removed; no row: it is read, or was removed.
    static func holdAbandoned(_ version: IndexVersionRecord) -> Statement<Int64> {
        Statement(
            """
            SELECT removed_to FROM chunk_sets
            WHERE index_id = $1 AND number = $2 AND dropped_at IS NULL AND NOT EXISTS (
                SELECT FROM index_versions AS reader WHERE reader.index_id = $1 AND reader.chunk_set = $2
                    AND (reader.state = 'planned' OR reader.state IN \(VersionStatements.writtenStates))
            )
            FOR NO KEY UPDATE
            """,
            [.int8(version.index.rawValue), .int4(version.chunkSet)]
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    /// The last of the next documents, of whatever index, that together have about so many chunks that answer: one at least. No row with
    /// a value when there are none.
    ///
    /// - Index: the primary keys of `documents` and `document_versions`.
    static func weighed(after cursor: Int64, documents: Int, chunks: Int) -> Statement<Int64?> {
        Statement(
            """
            SELECT max(id) FROM (
                SELECT next.id, sum(chunks) OVER (ORDER BY next.id) - chunks AS before
                FROM (SELECT id, live_version FROM documents WHERE id > $1 ORDER BY id LIMIT $2) AS next
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum(chunk_count), 0) AS chunks FROM document_versions WHERE id = next.live_version
                ) AS counted
            ) AS weighed
            WHERE before <= $3
            """,
            [.int8(cursor), .int8(Int64(documents)), .int8(Int64(chunks))]
        ) { row throws(PostgresError) in try row.optionalInt64(0) }
    }

    /// Removes so many chunks at most.
    ///
    /// - Index: the primary key of `documents`, `chunks_document_idx`.
    static func remove(
        _ version: IndexVersionRecord,
        in documents: ClosedRange<Int64>,
        limit: Int
    ) -> Statement<Void> {
        Statement(
            """
            DELETE FROM chunks WHERE id = ANY (ARRAY(
                SELECT chunks.id FROM documents JOIN chunks ON chunks.document_id = documents.id
                WHERE documents.id BETWEEN $3 AND $4 AND documents.index_id = $1 AND chunks.chunk_set = $2 LIMIT $5
            ))
            """,
            values(version, documents) + [.int8(Int64(limit))]
        )
    }

    /// Documents of which they were counted are counted by the chunks that answer.
    static func recount(_ version: IndexVersionRecord, in documents: ClosedRange<Int64>) -> Statement<Void> {
        Statement(
            """
            UPDATE document_versions SET chunk_count = counted.chunks
            FROM (
                SELECT documents.live_version AS id, (
                    SELECT count(*) FROM chunks WHERE chunks.document_id = documents.id AND chunks.chunk_set = answering.chunk_set
                ) AS chunks
                FROM documents JOIN indexes ON indexes.id = documents.index_id
                JOIN index_versions AS answering ON answering.id = indexes.live_version AND answering.chunk_set <> $2
                WHERE documents.id BETWEEN $3 AND $4 AND documents.index_id = $1
            ) AS counted
            WHERE document_versions.id = counted.id AND document_versions.chunk_count <> counted.chunks
            """,
            values(version, documents)
        )
    }

    /// The set is removed up to this document.
    static func removed(_ version: IndexVersionRecord, to document: Int64) -> Statement<Void> {
        Statement(
            "UPDATE chunk_sets SET removed_to = $3 WHERE index_id = $1 AND number = $2",
            [.int8(version.index.rawValue), .int4(version.chunkSet), .int8(document)]
        )
    }

    /// Nothing is left of the set.
    static func forget(_ version: IndexVersionRecord) -> Statement<Void> {
        Statement(
            """
            WITH words AS (
                DELETE FROM term_frequencies WHERE index_id = $1 AND chunk_set = $2
            ), statistics AS (
                DELETE FROM term_statistics WHERE index_id = $1 AND chunk_set = $2
            )
            UPDATE chunk_sets SET dropped_at = clock_timestamp() WHERE index_id = $1 AND number = $2
            """,
            [.int8(version.index.rawValue), .int4(version.chunkSet)]
        )
    }

    private static func values(_ version: IndexVersionRecord, _ documents: ClosedRange<Int64>) -> [PGValue] {
        [
            .int8(version.index.rawValue), .int4(version.chunkSet), .int8(documents.lowerBound),
            .int8(documents.upperBound),
        ]
    }
}
