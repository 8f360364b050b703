internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// The registry's row: which version answers. Clock: the server's.
enum SwapStatements {
    struct Registry: Sendable {
        let live: IndexVersionID
        let epoch: Int64
    }

    static func registry(_ index: IndexID) -> Statement<Registry> {
        Statement("SELECT live_version, epoch FROM indexes WHERE id = $1 FOR NO KEY UPDATE", [.int8(index.rawValue)]) {
            row throws(PostgresError) in
            Registry(live: IndexVersionID(rawValue: try row.int64(0)), epoch: try row.int64(1))
        }
    }

    static func seen(_ index: IndexID) -> Statement<Registry> {
        Statement("SELECT live_version, epoch FROM indexes WHERE id = $1", [.int8(index.rawValue)]) {
            row throws(PostgresError) in
            Registry(live: IndexVersionID(rawValue: try row.int64(0)), epoch: try row.int64(1))
        }
    }

    /// What is asked under the lock is about a few rows: they are looked up one by one, whatever is known of tables that have just
    /// been filled. For this transaction.
    static func lookUpOnly() -> Statement<Void> {
        Statement(
            """
            SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
                set_config('enable_seqscan', 'off', true)
            """
        )
    }

    /// The swap itself: version, model for questions and epoch in one row, and only as it was seen.
    static func point(_ registry: Registry, to version: IndexVersionRecord) -> Statement<Void> {
        Statement(
            """
            UPDATE indexes SET live_version = $4, query_model = $5, epoch = epoch + 1
            WHERE id = $1 AND live_version = $2 AND epoch = $3
            """,
            [
                .int8(version.index.rawValue), .int8(registry.live.rawValue), .int8(registry.epoch),
                .int8(version.id.rawValue), .text(version.spec.model.fingerprint),
            ]
        )
    }

    /// For readers that keep the pointer in memory: index and epoch.
    static func notify(_ version: IndexVersionRecord, epoch: Int64) -> Statement<Void> {
        Statement(
            "SELECT pg_notify('sluice_index', current_schema() || '/' || $1 || '/' || $2)",
            [.text(version.indexName.rawValue), .text("\(epoch)")]
        )
    }

    // MARK: - Retirement

    /// True while any version of any index may still want vectors of the model.
    static func isModelUsed(_ model: ModelIdentity) -> Statement<Bool> {
        Statement(
            """
            SELECT EXISTS (
                SELECT FROM index_versions WHERE model_fingerprint = $1
                    AND state IN ('planned', 'building', 'indexing', 'validating', 'ready', 'live', 'soaking')
            )
            """,
            [.text(model.fingerprint)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    /// Takes vectors of a model out of the cache, so many at most.
    ///
    /// - Index: the cache's primary key, tenant by tenant.
    static func uncache(_ model: ModelIdentity, limit: Int) -> Statement<Void> {
        Statement(
            """
            DELETE FROM embedding_cache WHERE ctid = ANY (ARRAY(
                SELECT cache.ctid FROM tenants JOIN embedding_cache AS cache ON cache.tenant_id = tenants.id
                WHERE cache.model_fingerprint = $1 LIMIT $2
            ))
            """,
            [.text(model.fingerprint), .int8(Int64(limit))]
        )
    }

    static func dropped(_ version: IndexVersionRecord) -> Statement<Void> {
        Statement(
            "UPDATE index_versions SET dropped_at = clock_timestamp() WHERE id = $1 AND dropped_at IS NULL",
            [.int8(version.id.rawValue)]
        )
    }

    /// Seconds until a soak is over, rounded up; nil when it does not soak.
    static func soakLeft(_ version: IndexVersionID) -> Statement<Int> {
        Statement(
            """
            SELECT greatest(0, ceil(extract(epoch FROM soak_until - now())))::int FROM index_versions
            WHERE id = $1 AND soak_until IS NOT NULL
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in try row.int32(0) }
    }
}
