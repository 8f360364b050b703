internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// What a backup notes of the database, and what a restore is asked. The manifest is JSON that the database writes and reads.
enum BackupStatements {
    static func exportSnapshot() -> Statement<(snapshot: String, name: String)> {
        Statement(
            """
            SELECT pg_export_snapshot(), 'sluice-' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"')
            """
        ) { row throws(PostgresError) in (try row.text(0), try row.text(1)) }
    }

    static func tables() -> Statement<String> {
        Statement(
            """
            SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY relname
            """
        ) { row throws(PostgresError) in try row.text(0) }
    }

    static func count(_ table: String) -> Statement<Int64> {
        Statement("SELECT count(*) FROM \(quotedIdentifier(table))") { row throws(PostgresError) in try row.int64(0) }
    }

    static func liveVersions() -> Statement<IndexVersionID> {
        Statement("SELECT live_version FROM indexes WHERE live_version IS NOT NULL ORDER BY id") {
            row throws(PostgresError) in IndexVersionID(rawValue: try row.int64(0))
        }
    }

    /// What is asked of an index before and after: the same text comes back where all is as it was. Twenty vectors, chosen by
    /// their chunks' hashes, with their ten nearest of the tenant by an exact scan.
    static func index(_ version: IndexVersionID) -> Statement<String> {
        let table = quotedIdentifier(IndexVersionNames.table(version))
        return Statement(
            """
            SELECT jsonb_build_object(
                'name', indexes.name, 'epoch', indexes.epoch, 'live_version', indexes.live_version,
                'vectors', (SELECT count(*) FROM \(table)),
                'hnsw_valid', sluice_hnsw_valid($1),
                'chunks_without_vector', (
                    SELECT count(*) FROM documents JOIN chunks ON chunks.document_id = documents.id
                    WHERE documents.index_id = indexes.id
                        AND chunks.chunk_set = (SELECT chunk_set FROM index_versions WHERE id = $1)
                        AND NOT EXISTS (SELECT FROM \(table) AS present WHERE present.chunk_id = chunks.id)
                ),
                'vectors_without_chunk', (
                    SELECT count(*) FROM \(table) AS present
                    WHERE NOT EXISTS (SELECT FROM chunks WHERE chunks.id = present.chunk_id)
                ),
                'nearest', (
                    SELECT coalesce(jsonb_object_agg(probe.chunk_id::text, ARRAY(
                        SELECT other.chunk_id FROM \(table) AS other WHERE other.tenant_id = probe.tenant_id
                        ORDER BY other.embedding <=> probe.embedding, other.chunk_id LIMIT 10
                    )), '{}')
                    FROM (SELECT * FROM \(table) ORDER BY hashint8(chunk_id), chunk_id LIMIT 20) AS probe
                )
            )::text
            FROM indexes WHERE live_version = $1
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in try row.text(0) }
    }

    static func manifest(
        bytes: Int64,
        sha256: String,
        tables: [(name: String, rows: Int64)],
        indexes: [String]
    ) -> Statement<String> {
        Statement(
            """
            SELECT jsonb_pretty(jsonb_build_object(
                'schema', 'sluice.backup/v1', 'created_at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                'server_version', current_setting('server_version'), 'schema_name', current_schema(),
                'dump', jsonb_build_object('file', $1::text, 'bytes', $2::bigint, 'sha256', $3::text),
                'tables', (SELECT jsonb_object_agg(name, rows) FROM unnest($4::text[], $5::int8[]) AS counted (name, rows)),
                'indexes', (SELECT coalesce(jsonb_agg(index::jsonb), '[]') FROM unnest($6::text[]) AS index)
            ))
            """,
            [
                .text(BackupFolder.dump), .int8(bytes), .text(sha256), .textArray(tables.map(\.name)),
                .int8Array(tables.map(\.rows)), .textArray(indexes),
            ]
        ) { row throws(PostgresError) in try row.text(0) }
    }

    struct Head: Sendable {
        let schemaName: String
        let sha256: String
    }

    static func head(of manifest: String) -> Statement<Head> {
        Statement(
            """
            SELECT manifest ->> 'schema_name', manifest -> 'dump' ->> 'sha256' FROM (SELECT $1::text::jsonb AS manifest) AS given
            WHERE manifest ->> 'schema' = 'sluice.backup/v1'
            """,
            [.text(manifest)]
        ) { row throws(PostgresError) in Head(schemaName: try row.text(0), sha256: try row.text(1)) }
    }

    static func counts(of manifest: String) -> Statement<(name: String, rows: Int64)> {
        Statement(
            "SELECT key, value::bigint FROM jsonb_each_text($1::text::jsonb -> 'tables') ORDER BY key",
            [.text(manifest)]
        ) { row throws(PostgresError) in (try row.text(0), try row.int64(1)) }
    }

    struct Index: Sendable {
        let name: String
        let version: IndexVersionID
        /// As `index` gave it.
        let facts: String
    }

    static func indexes(of manifest: String) -> Statement<Index> {
        Statement(
            """
            SELECT index ->> 'name', (index ->> 'live_version')::bigint, index::text
            FROM jsonb_array_elements($1::text::jsonb -> 'indexes') AS index
            """,
            [.text(manifest)]
        ) { row throws(PostgresError) in
            Index(name: try row.text(0), version: IndexVersionID(rawValue: try row.int64(1)), facts: try row.text(2))
        }
    }

    /// Fields in which two answers of `index` differ, and whether the second is sound in itself.
    static func compare(_ before: String, _ after: String) -> Statement<(differing: [String], isSound: Bool)> {
        Statement(
            """
            SELECT ARRAY(
                SELECT key FROM jsonb_each($1::text::jsonb) AS old WHERE old.value IS DISTINCT FROM $2::text::jsonb -> old.key
            ), coalesce(($2::text::jsonb ->> 'chunks_without_vector')::bigint = 0
                AND ($2::text::jsonb ->> 'vectors_without_chunk')::bigint = 0
                AND ($2::text::jsonb ->> 'hnsw_valid')::boolean IS DISTINCT FROM false, false)
            """,
            [.text(before), .text(after)]
        ) { row throws(PostgresError) in (try row.textArray(0), try row.bool(1)) }
    }

    static func hasSchema(_ name: String) -> Statement<Bool> {
        Statement("SELECT to_regnamespace($1) IS NOT NULL", [.text(name)]) { row throws(PostgresError) in
            try row.bool(0)
        }
    }
}
