internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Cached vectors of models that no index version uses. All by the cache's primary key: of models that are used, which are most of
/// it, one entry a tenant is read.
enum UnusedVectors {
    /// - Parameter model: what gives the model's fingerprint. It is compared row by row, never joined: pairs come one after the other,
    ///   and only as far as they are wanted.
    private static func isUnused(_ model: String) -> String {
        """
        \(model) <> ALL (ARRAY(
            SELECT model_fingerprint FROM index_versions WHERE state NOT IN ('retired', 'failed', 'aborted')
        ))
        """
    }

    /// Tenants with a model of theirs behind `$1` and `$2`, from one to the next without what lies between.
    private static let pairs = """
        WITH RECURSIVE pairs AS (
            (
                SELECT tenant_id, model_fingerprint FROM embedding_cache WHERE (tenant_id, model_fingerprint) > ($1::text, $2::text)
                ORDER BY tenant_id, model_fingerprint LIMIT 1
            )
            UNION ALL
            SELECT next.tenant_id, next.model_fingerprint FROM pairs, LATERAL (
                SELECT tenant_id, model_fingerprint FROM embedding_cache AS cache
                WHERE (cache.tenant_id, cache.model_fingerprint) > (pairs.tenant_id, pairs.model_fingerprint)
                ORDER BY tenant_id, model_fingerprint LIMIT 1
            ) AS next
        )
        """

    /// The next tenant with vectors of an unused model. No row: there is none.
    static func next(after position: SweepPosition) -> Statement<(tenant: String, model: String)> {
        var (tenant, model) = ("", "")
        if case .cached(let known, let its, _) = position { (tenant, model) = (known, its) }
        return Statement(
            "\(pairs) SELECT tenant_id, model_fingerprint FROM pairs WHERE \(isUnused("pairs.model_fingerprint")) LIMIT 1",
            [.text(tenant), .text(model)]
        ) { row throws(PostgresError) in (try row.text(0), try row.text(1)) }
    }

    struct Swept: Sendable {
        let removed: Int
        let looked: Int
        /// The last hash that was looked at.
        let last: [UInt8]?
    }

    /// Looks at the next vectors in the order of their hashes.
    static func remove(
        _ tenant: String,
        _ model: String,
        after hash: [UInt8],
        limit: Int,
        age: Duration
    ) -> Statement<Swept> {
        Statement(
            """
            WITH page AS MATERIALIZED (
                SELECT ctid, content_hash, created_at FROM embedding_cache
                WHERE tenant_id = $1 AND model_fingerprint = $2 AND content_hash > $3 AND \(isUnused("$2"))
                ORDER BY content_hash LIMIT $4
            ), gone AS (
                DELETE FROM embedding_cache WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM page WHERE created_at < now() - make_interval(secs => $5)
                )) RETURNING 1
            )
            SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM page),
                (SELECT content_hash FROM page ORDER BY content_hash DESC LIMIT 1)
            """,
            [.text(tenant), .text(model), .bytes(hash), .int8(Int64(limit)), .float8(age.inSeconds)]
        ) { row throws(PostgresError) in
            Swept(
                removed: Int(try row.int64(0)),
                looked: Int(try row.int64(1)),
                last: try row.optionalBytes(2)
            )
        }
    }

    static func count(_ age: Duration) -> Statement<Int> {
        Statement(
            """
            \(pairs) SELECT count(*) FROM pairs JOIN embedding_cache AS cache
                ON cache.tenant_id = pairs.tenant_id AND cache.model_fingerprint = pairs.model_fingerprint
            WHERE \(isUnused("pairs.model_fingerprint")) AND created_at < now() - make_interval(secs => $3)
            """,
            [.text(""), .text(""), .float8(age.inSeconds)]
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }
}
