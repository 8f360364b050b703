internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Vectors for an index version whose model no ingest embeds with.
enum EmbedIndexStatements {
    /// Tasks that are to bring vectors to a version: live ones, and dead letters.
    ///
    /// - Index: the first columns of `tasks_unique_idx` and `dead_letters_key_idx`, tenant by tenant.
    static func outstanding(_ version: IndexVersionID) -> Statement<(pending: Int, dead: Int)> {
        Statement(
            """
            SELECT (
                SELECT count(*) FROM tenants JOIN tasks ON tasks.tenant_id = tenants.id AND tasks.kind = 'index.embed'
                    AND tasks.unique_key IS NOT NULL AND (tasks.payload ->> 'version')::bigint = $1
            ), (
                SELECT count(*) FROM tenants JOIN dead_letters ON dead_letters.tenant_id = tenants.id
                    AND dead_letters.kind = 'index.embed' AND dead_letters.unique_key IS NOT NULL
                    AND (dead_letters.payload ->> 'version')::bigint = $1
            )
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in (Int(try row.int64(0)), Int(try row.int64(1))) }
    }

    /// `$1` the index, `$2` the model, `$3` the chunk set.
    private static func of(_ version: IndexVersionRecord) -> [PGValue] {
        [.int8(version.index.rawValue), .text(version.spec.model.fingerprint), .int4(version.chunkSet)]
    }

    /// From `$4` on.
    private static func condition(_ scope: EmbedScope) -> (sql: String, values: [PGValue]) {
        switch scope {
        case .chunks(let range):
            ("chunks.id BETWEEN $4 AND $5", [.int8(range.lowerBound), .int8(range.upperBound)])
        case .document(let document): ("chunks.document_id = $4", [.int8(document.rawValue)])
        }
    }

    /// - Index: the primary keys of `chunks`, the version's table and the cache, or `chunks_document_idx`.
    static func unembedded(
        _ version: IndexVersionRecord,
        _ table: String,
        _ scope: EmbedScope
    ) -> Statement<UnembeddedChunk> {
        let (condition, values) = condition(scope)
        return Statement(
            """
            SELECT chunks.id, chunks.tenant_id, chunks.content_hash, chunks.text
            FROM chunks JOIN documents ON documents.id = chunks.document_id
            WHERE \(condition) AND documents.index_id = $1 AND chunks.chunk_set = $3 AND NOT EXISTS (
                SELECT FROM \(quotedIdentifier(table)) AS present
                WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
            ) AND NOT EXISTS (
                SELECT FROM embedding_cache AS cache WHERE cache.tenant_id = chunks.tenant_id
                    AND cache.model_fingerprint = $2 AND cache.content_hash = chunks.content_hash
            )
            ORDER BY chunks.id
            """,
            of(version) + values
        ) { row throws(PostgresError) in
            UnembeddedChunk(
                id: ChunkID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                hash: try row.digest(2),
                text: try row.text(3)
            )
        }
    }

    /// Only for texts that chunks of the scope still have: what was erased, or is being erased, while the model worked leaves
    /// nothing behind.
    static func cacheStage(_ version: IndexVersionRecord, _ scope: EmbedScope) -> Statement<Void> {
        let (condition, values) = condition(scope)
        return Statement(
            """
            INSERT INTO embedding_cache (tenant_id, model_fingerprint, content_hash, embedding)
            SELECT tenant_id, $2, content_hash, embedding FROM index_vector_stage AS stage WHERE EXISTS (
                SELECT FROM chunks JOIN documents ON documents.id = chunks.document_id
                WHERE \(condition) AND documents.index_id = $1 AND chunks.chunk_set = $3
                    AND chunks.tenant_id = stage.tenant_id AND chunks.content_hash = stage.content_hash
                    AND NOT EXISTS (
                        SELECT FROM erasures WHERE completed_at IS NULL AND erasures.tenant_id = chunks.tenant_id
                            AND (erasures.scope = 'tenant' OR erasures.document_id = chunks.document_id)
                    )
            )
            ORDER BY tenant_id, content_hash ON CONFLICT DO NOTHING
            """,
            of(version) + values
        )
    }

    /// Locks the chunks against going, but for those that are about to, then adds what the cache has for them.
    static func addCached(
        _ version: IndexVersionRecord,
        _ table: String,
        _ scope: EmbedScope
    ) -> Statement<Void> {
        let (condition, values) = condition(scope)
        let table = quotedIdentifier(table)
        return Statement(
            """
            WITH mine AS MATERIALIZED (
                SELECT chunks.id, chunks.tenant_id, chunks.content_hash
                FROM chunks JOIN documents ON documents.id = chunks.document_id
                WHERE \(condition) AND documents.index_id = $1 AND chunks.chunk_set = $3 AND NOT EXISTS (
                    SELECT FROM \(table) AS present
                    WHERE present.chunk_id = chunks.id AND present.tenant_id = chunks.tenant_id
                )
                ORDER BY chunks.id FOR KEY SHARE OF chunks SKIP LOCKED
            )
            INSERT INTO \(table) (chunk_id, tenant_id, content_hash, embedding)
            SELECT mine.id, mine.tenant_id, mine.content_hash, cache.embedding
            FROM mine JOIN embedding_cache AS cache ON cache.tenant_id = mine.tenant_id AND cache.model_fingerprint = $2
                AND cache.content_hash = mine.content_hash
            ORDER BY mine.id ON CONFLICT DO NOTHING
            """,
            of(version) + values
        )
    }

    static func embedded(_ version: IndexVersionRecord, _ count: Int) -> Statement<Void> {
        Statement(
            "UPDATE index_versions SET rows_embedded = rows_embedded + $2 WHERE id = $1",
            [.int8(version.id.rawValue), .int8(Int64(count))]
        )
    }
}
