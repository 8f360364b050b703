internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// How a version comes to the vectors of chunks that were there before it, and how it is held against them.
///
/// A chunk's tenant stands beside its number wherever its vector is looked up: of a version with partitions, one is looked into.
enum BackfillStatements {
    /// The version to copy vectors from: one of the same index and chunk set with the same model, the one that answers first.
    static func source(for version: IndexVersionRecord) -> Statement<IndexVersionID> {
        Statement(
            """
            SELECT id FROM index_versions WHERE index_id = $1 AND id <> $2 AND model_fingerprint = $3
                AND chunk_set = $4 AND state IN \(VersionStatements.writtenStates)
            ORDER BY state = 'live' DESC, state = 'soaking' DESC, id DESC LIMIT 1
            """,
            [
                .int8(version.index.rawValue), .int8(version.id.rawValue), .text(version.spec.model.fingerprint),
                .int4(version.chunkSet),
            ]
        ) { row throws(PostgresError) in IndexVersionID(rawValue: try row.int64(0)) }
    }

    struct Copied: Sendable {
        /// The last chunk looked at, of whatever index; nil when there was none.
        let last: Int64?
        let scanned: Int
        /// Of this index.
        let seen: Int
        let copied: Int
        /// Chunks that have a vector nowhere, ascending.
        let without: [Int64]
    }

    /// Copies what there is for the next chunks.
    ///
    /// The chunks are locked against being deleted before anything is written, so that none comes back; those that somebody is
    /// about to delete are passed over, and nobody waits for anybody. (Should they stay after all, the counting afterwards finds
    /// them.) What another transaction has written is left as it is.
    ///
    /// - Index: the primary keys of `chunks`, of both versions' tables, and of the cache.
    static func copy(_ version: IndexVersionRecord, from source: IndexVersionID?, limit: Int) -> Statement<Copied> {
        let table = quotedIdentifier(IndexVersionNames.table(version.id))
        let type = version.spec.storage.rawValue
        let cached = """
            (SELECT embedding FROM embedding_cache AS cache WHERE cache.tenant_id = mine.tenant_id
                AND cache.model_fingerprint = $4 AND cache.content_hash = mine.content_hash)::\(type)
            """
        let vector =
            source == nil
            ? cached : "CASE WHEN source.chunk_id IS NULL THEN \(cached) ELSE source.embedding::\(type) END"
        let join =
            source.map { id in
                """
                LEFT JOIN \(quotedIdentifier(IndexVersionNames.table(id))) AS source
                    ON source.chunk_id = mine.id AND source.tenant_id = mine.tenant_id
                        AND source.content_hash = mine.content_hash
                """
            } ?? ""
        return Statement(
            """
            WITH range AS MATERIALIZED (
                SELECT id, tenant_id, document_id, content_hash, chunk_set FROM chunks WHERE id > $1 ORDER BY id LIMIT $2
                FOR KEY SHARE SKIP LOCKED
            ), mine AS MATERIALIZED (
                SELECT range.id, range.tenant_id, range.content_hash
                FROM range JOIN documents ON documents.id = range.document_id
                WHERE documents.index_id = $3 AND range.chunk_set = $5 AND NOT EXISTS (
                    SELECT FROM \(table) AS present
                    WHERE present.chunk_id = range.id AND present.tenant_id = range.tenant_id
                )
            ), found AS MATERIALIZED (
                SELECT mine.id, mine.tenant_id, mine.content_hash, \(vector) AS embedding FROM mine \(join)
            ), copied AS (
                INSERT INTO \(table) (chunk_id, tenant_id, content_hash, embedding)
                SELECT id, tenant_id, content_hash, embedding FROM found WHERE embedding IS NOT NULL ORDER BY id
                ON CONFLICT DO NOTHING RETURNING chunk_id
            )
            SELECT (SELECT max(id) FROM range), (SELECT count(*) FROM range), (SELECT count(*) FROM copied),
                (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM found WHERE embedding IS NULL),
                (SELECT count(*) FROM range JOIN documents ON documents.id = range.document_id
                    WHERE documents.index_id = $3 AND range.chunk_set = $5)
            """,
            [
                .int8(version.cursor), .int8(Int64(limit)), .int8(version.index.rawValue),
                .text(version.spec.model.fingerprint), .int4(version.chunkSet),
            ]
        ) { row throws(PostgresError) in
            Copied(
                last: try row.optionalInt64(0),
                scanned: Int(try row.int64(1)),
                seen: Int(try row.int64(4)),
                copied: Int(try row.int64(2)),
                without: try row.int64Array(3)
            )
        }
    }

    /// Advances the cursor with what was done up to it. Touches no row when the version is not being built any more.
    static func checkpoint(_ version: IndexVersionRecord, to cursor: Int64, copied: Int) -> Statement<Void> {
        Statement(
            """
            UPDATE index_versions SET backfill_cursor = $3, rows_copied = rows_copied + $4
            WHERE id = $1 AND state = 'building' AND backfill_cursor = $2
            """,
            [.int8(version.id.rawValue), .int8(version.cursor), .int8(cursor), .int8(Int64(copied))]
        )
    }

    static func restart(_ version: IndexVersionID, after chunk: Int64) -> Statement<Void> {
        Statement(
            """
            UPDATE index_versions SET backfill_cursor = $2, passes = passes + 1 WHERE id = $1 AND state = 'building'
            """,
            [.int8(version.rawValue), .int8(chunk)]
        )
    }

    // MARK: - What is missing

    /// `$1` the index, `$2` and `$3` a range of ids, `$4` the chunk set.
    private static func of(_ version: IndexVersionRecord, _ range: Range<Int64>) -> [PGValue] {
        [
            .int8(version.index.rawValue), .int8(range.lowerBound), .int8(range.upperBound), .int4(version.chunkSet),
        ]
    }

    /// The greatest id among chunks and the version's rows.
    static func highest(_ version: IndexVersionID) -> Statement<Int64> {
        Statement(
            """
            SELECT greatest(
                (SELECT max(id) FROM chunks), (SELECT max(chunk_id) FROM \(quotedIdentifier(IndexVersionNames.table(version)))), 0
            )
            """
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    /// Chunks of the version's set from an id on that lack a vector of their text.
    static func missing(_ version: IndexVersionRecord, from lower: Int64) -> Statement<Int> {
        Statement(
            """
            SELECT count(*) FROM chunks JOIN documents ON documents.id = chunks.document_id
            WHERE chunks.id >= $2 AND documents.index_id = $1 AND chunks.chunk_set = $3 AND NOT EXISTS (
                SELECT FROM \(quotedIdentifier(IndexVersionNames.table(version.id))) AS present
                WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
                    AND present.content_hash = chunks.content_hash
            )
            """,
            [.int8(version.index.rawValue), .int8(lower), .int4(version.chunkSet)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    /// Chunks of the version's set in a range of ids that lack a vector of their text, in the order of their ids.
    static func lacking(_ version: IndexVersionRecord, in range: Range<Int64>) -> Statement<Int64> {
        Statement(
            """
            SELECT chunks.id FROM chunks JOIN documents ON documents.id = chunks.document_id
            WHERE chunks.id >= $2 AND chunks.id < $3 AND documents.index_id = $1 AND chunks.chunk_set = $4 AND NOT EXISTS (
                SELECT FROM \(quotedIdentifier(IndexVersionNames.table(version.id))) AS present
                WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
                    AND present.content_hash = chunks.content_hash
            )
            ORDER BY chunks.id
            """,
            of(version, range)
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    private static let isSurplus = """
        present.chunk_id >= $2 AND present.chunk_id < $3 AND NOT EXISTS (
            SELECT FROM chunks JOIN documents ON documents.id = chunks.document_id
            WHERE chunks.id = present.chunk_id AND chunks.content_hash = present.content_hash AND documents.index_id = $1
                AND chunks.chunk_set = $4
        )
        """

    struct Compared: Sendable {
        let missing: Int
        let firstMissing: Int64?
        /// Rows of the version whose chunk is none of the index's, or has another text.
        let surplus: Int
    }

    /// Both anti-joins over a range of ids, in one pass over either side.
    static func compare(_ version: IndexVersionRecord, in range: Range<Int64>) -> Statement<Compared> {
        Statement(
            """
            SELECT count(*) FILTER (WHERE present.chunk_id IS NULL), min(mine.id) FILTER (WHERE present.chunk_id IS NULL),
                count(*) FILTER (WHERE mine.id IS NULL)
            FROM (
                SELECT chunks.id, chunks.content_hash FROM chunks JOIN documents ON documents.id = chunks.document_id
                WHERE chunks.id >= $2 AND chunks.id < $3 AND documents.index_id = $1 AND chunks.chunk_set = $4
            ) AS mine FULL JOIN (
                SELECT chunk_id, content_hash FROM \(quotedIdentifier(IndexVersionNames.table(version.id)))
                WHERE chunk_id >= $2 AND chunk_id < $3
            ) AS present ON present.chunk_id = mine.id AND present.content_hash = mine.content_hash
            """,
            of(version, range)
        ) { row throws(PostgresError) in
            Compared(
                missing: Int(try row.int64(0)),
                firstMissing: try row.optionalInt64(1),
                surplus: Int(try row.int64(2))
            )
        }
    }

    static func sweep(_ version: IndexVersionRecord, in range: Range<Int64>) -> Statement<Void> {
        Statement(
            "DELETE FROM \(quotedIdentifier(IndexVersionNames.table(version.id))) AS present WHERE \(isSurplus)",
            of(version, range)
        )
    }
}
