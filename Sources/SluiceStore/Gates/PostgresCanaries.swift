package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres

/// Canaries, for operators. Readers find them in the statement that finds the live version.
package struct PostgresCanaries: Sendable {
    private let store: Store

    package init(_ store: Store) { self.store = store }

    /// Lets the index's version that waits to be swapped in answer a share of the questions; counts begin anew. False, with nothing
    /// changed, when no version is ready or there is no such index.
    package func set(_ index: IndexName, percent: Int, by share: CanaryShare) async throws -> Bool {
        try await store.pool.transaction { transaction in
            guard try await transaction.execute(CanaryStatements.set(index, percent, share)) > 0 else { return false }
            try await transaction.execute(CanaryStatements.forget(index))
            return true
        }
    }

    /// False when there was none.
    package func end(_ index: IndexName, reason: String) async throws -> Bool {
        try await store.pool.execute(CanaryStatements.end(index, reason)) > 0
    }

    package func canary(of index: IndexName) async throws -> CanaryRecord? {
        try await store.pool.query(CanaryStatements.record(index)).first
    }
}

enum CanaryStatements {
    static func forget(_ index: IndexName) -> Statement<Void> {
        Statement(
            "DELETE FROM canary_counts WHERE index_id = (SELECT id FROM indexes WHERE name = $1)",
            [.text(index.rawValue)]
        )
    }

    static func set(_ index: IndexName, _ percent: Int, _ share: CanaryShare) -> Statement<Void> {
        Statement(
            """
            WITH begun AS (
                INSERT INTO index_canaries (index_id, version_id, percent, share_by)
                SELECT indexes.id, version.id, $2, $3
                FROM indexes JOIN index_versions AS version ON version.index_id = indexes.id AND version.state = 'ready'
                WHERE indexes.name = $1
                ON CONFLICT (index_id) DO UPDATE SET version_id = excluded.version_id, percent = excluded.percent,
                    share_by = excluded.share_by, started_at = now()
                RETURNING index_id, version_id
            )
            INSERT INTO index_events (index_id, version_id, event, detail)
            SELECT index_id, version_id, 'canary begun', jsonb_build_object('percent', $2, 'by', $3) FROM begun
            """,
            [.text(index.rawValue), .int4(percent), .text(share.rawValue)]
        )
    }

    static func end(_ index: IndexName, _ reason: String) -> Statement<Void> {
        Statement(
            """
            WITH ended AS (
                DELETE FROM index_canaries WHERE index_id = (SELECT id FROM indexes WHERE name = $1)
                RETURNING index_id, version_id
            )
            INSERT INTO index_events (index_id, version_id, event, detail)
            SELECT index_id, version_id, 'canary ended', jsonb_build_object('reason', $2::text) FROM ended
            """,
            [.text(index.rawValue), .text(reason)]
        )
    }

    static func record(_ index: IndexName) -> Statement<CanaryRecord> {
        Statement(
            """
            SELECT version.number, canary.percent, canary.share_by, canary.started_at, version.state = 'ready',
                coalesce(own.searches, 0), coalesce(own.errors, 0), coalesce(own.empty, 0), coalesce(own.waits, '{}'),
                coalesce(live.searches, 0), coalesce(live.errors, 0), coalesce(live.empty, 0), coalesce(live.waits, '{}')
            FROM indexes JOIN index_canaries AS canary ON canary.index_id = indexes.id
            JOIN index_versions AS version ON version.id = canary.version_id
            LEFT JOIN canary_counts AS own ON own.index_id = indexes.id AND own.version_id = canary.version_id
            LEFT JOIN canary_counts AS live ON live.index_id = indexes.id AND live.version_id = indexes.live_version
                AND live.version_id <> canary.version_id
            WHERE indexes.name = $1
            """,
            [.text(index.rawValue)]
        ) { row throws(PostgresError) in
            func counts(_ column: Int) throws(PostgresError) -> CanaryCounts {
                CanaryCounts(
                    searches: Int(try row.int64(column)),
                    errors: Int(try row.int64(column + 1)),
                    empty: Int(try row.int64(column + 2)),
                    waits: try row.int64Array(column + 3).map { Int($0) }
                )
            }
            return CanaryRecord(
                index: index,
                number: try row.int32(0),
                percent: try row.int32(1),
                share: CanaryShare(rawValue: try row.text(2)) ?? .tenant,
                startedAt: try row.timestamp(3),
                isActive: try row.bool(4),
                counts: try counts(5),
                live: try counts(9)
            )
        }
    }
}
