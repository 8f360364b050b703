package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

/// Freshness on PostgreSQL. Clock: the server's `now()`.
///
/// A document is as fresh as the last ingest that read its source and found it unchanged or made it live. One without a live
/// version is as old as its first request.
package struct PostgresFreshnessStore: FreshnessStore {
    private let store: Store
    private let documents: PostgresDocumentStore
    private let indexes: PostgresIndexStore

    package init(_ store: Store, documents: PostgresDocumentStore, indexes: PostgresIndexStore) {
        self.store = store
        self.documents = documents
        self.indexes = indexes
    }

    package func targets() async throws -> [FreshnessTarget] {
        try await store.pool.query(
            Statement("SELECT id, tenant_id, source, max_age_seconds FROM freshness_targets ORDER BY id") {
                row throws(PostgresError) in
                FreshnessTarget(
                    id: try row.int64(0),
                    tenant: TenantID(trusted: try row.text(1)),
                    source: try row.text(2),
                    maxAge: .seconds(try row.int64(3))
                )
            }
        )
    }

    /// When a document's source was last known to be what is indexed. Requests and attributes are not readings, and neither is one
    /// that failed. What was live before readings were noted is as old as its version.
    private static let freshAt = "coalesce(documents.checked_at, live.live_at, documents.created_at)"

    private static let aged = "documents LEFT JOIN document_versions AS live ON live.id = documents.live_version"
    private static let isMeant = "documents.tenant_id = $1 AND starts_with(documents.uri, $2)"

    package func measure(_ target: FreshnessTarget, fence: Fence) async throws -> FreshnessReading {
        try await store.pool.transaction { transaction in
            try await store.hold(fence, in: transaction)
            let rows = try await transaction.query(
                Statement(
                    """
                    INSERT INTO freshness_readings (target_id, tenant_id, documents, stale, oldest_seconds)
                    SELECT $4, $1, count(*), count(*) FILTER (WHERE fresh_at < now() - make_interval(secs => $3)),
                        extract(epoch FROM now() - min(fresh_at))::float8
                    FROM (SELECT \(Self.freshAt) AS fresh_at FROM \(Self.aged) WHERE \(Self.isMeant)) AS aged
                    RETURNING documents, stale, oldest_seconds
                    """,
                    [
                        .text(target.tenant.rawValue), .text(target.source), .float8(target.maxAge.inSeconds),
                        .int8(target.id),
                    ]
                ) { row throws(PostgresError) in
                    FreshnessReading(
                        documents: Int(try row.int64(0)),
                        stale: Int(try row.int64(1)),
                        oldest: try row.optionalFloat8(2).map { .seconds($0) }
                    )
                }
            )
            guard let reading = rows.first else { throw PostgresError(.server, "no reading came back") }
            return reading
        }
    }

    package func reingest(_ target: FreshnessTarget, limit: Int) async throws -> Int {
        let stale = try await store.pool.query(
            Statement(
                """
                SELECT indexes.name, documents.uri FROM \(Self.aged) JOIN indexes ON indexes.id = documents.index_id
                WHERE \(Self.isMeant) AND documents.state IN ('live', 'failed') AND \(Self.freshAt) < now() - make_interval(secs => $3)
                ORDER BY \(Self.freshAt), documents.id LIMIT $4
                """,
                [
                    .text(target.tenant.rawValue), .text(target.source), .float8(target.maxAge.inSeconds),
                    .int8(Int64(limit)),
                ]
            ) { row throws(PostgresError) in (IndexName(trusted: try row.text(0)), try row.text(1)) }
        )
        for (name, found) in Dictionary(grouping: stale, by: \.0) {
            guard let index = try await indexes.index(name) else { continue }
            _ = try await documents.requestIngest(
                of: found.map(\.1),
                tenant: target.tenant,
                index: index,
                label: "freshness.check"
            )
        }
        return stale.count
    }
}

/// A target with its last reading.
package struct FreshnessRecord: Sendable {
    package let target: FreshnessTarget
    package let reading: FreshnessReading?
    /// Microseconds since 1970-01-01 UTC.
    package let measuredAt: Int64?
}

extension Store {
    package func freshness(tenant: TenantID?) async throws -> [FreshnessRecord] {
        try await pool.query(
            Statement(
                """
                SELECT id, freshness_targets.tenant_id, source, max_age_seconds, last.at, last.documents, last.stale,
                    last.oldest_seconds
                FROM freshness_targets LEFT JOIN LATERAL (
                    SELECT * FROM freshness_readings WHERE target_id = freshness_targets.id ORDER BY at DESC LIMIT 1
                ) AS last ON true
                WHERE $1::text IS NULL OR freshness_targets.tenant_id = $1 ORDER BY freshness_targets.tenant_id, source
                """,
                [.optionalText(tenant?.rawValue)]
            ) { row throws(PostgresError) in
                FreshnessRecord(
                    target: FreshnessTarget(
                        id: try row.int64(0),
                        tenant: TenantID(trusted: try row.text(1)),
                        source: try row.text(2),
                        maxAge: .seconds(try row.int64(3))
                    ),
                    reading: row.isNull(4)
                        ? nil
                        : FreshnessReading(
                            documents: Int(try row.int64(5)),
                            stale: Int(try row.int64(6)),
                            oldest: try row.optionalFloat8(7).map { .seconds($0) }
                        ),
                    measuredAt: try row.optionalTimestamp(4)
                )
            }
        )
    }

    /// Sets how old documents may be whose URI begins with `source`; '' are all of the tenant.
    package func setFreshness(_ tenant: TenantID, source: String, maxAge: Duration) async throws {
        try await ensureTenant(tenant)
        try await pool.execute(
            Statement(
                """
                INSERT INTO freshness_targets (tenant_id, source, max_age_seconds) VALUES ($1, $2, $3)
                ON CONFLICT (tenant_id, source) DO UPDATE SET max_age_seconds = excluded.max_age_seconds
                """,
                [.text(tenant.rawValue), .text(source), .int8(Int64(maxAge.inSeconds.rounded(.up)))]
            )
        )
    }

    /// False when there was none.
    package func removeFreshness(_ tenant: TenantID, source: String) async throws -> Bool {
        try await pool.execute(
            Statement(
                "DELETE FROM freshness_targets WHERE tenant_id = $1 AND source = $2",
                [.text(tenant.rawValue), .text(source)]
            )
        ) > 0
    }
}
