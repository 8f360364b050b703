internal import SluiceCore
internal import SluicePostgres

/// What a doctor wants to know of the database.
package struct DatabaseFacts: Sendable {
    package let version: String
    package let vectorVersion: String?
    package let bypassesRowSecurity: Bool
    /// Tables with a tenant whose row-level security is not enabled and forced.
    package let unprotectedTables: [String]
    package let isDurable: Bool
    package let invalidIndexes: [String]
    /// Unfinished batches, at most 1,000 looked at, whose pending count is not that of their live tasks.
    package let divergingBatches: Int
    package let oldestTransactionSeconds: Double?
}

extension Store {
    package func facts() async throws -> DatabaseFacts {
        guard let facts = try await pool.query(Self.factsStatement).first else {
            throw PostgresError(.server, "no facts came back")
        }
        return facts
    }

    static var factsStatement: Statement<DatabaseFacts> {
        Statement(
            """
            SELECT current_setting('server_version'),
                (SELECT extversion::text FROM pg_extension WHERE extname = 'vector'),
                (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
                coalesce((SELECT array_agg(relname::text ORDER BY relname) FROM pg_class
                    WHERE relnamespace = to_regnamespace(current_schema()) AND relkind IN ('r', 'p')
                        AND NOT (relrowsecurity AND relforcerowsecurity) AND EXISTS (
                            SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'tenant_id'
                                AND NOT attisdropped)), '{}'::text[]),
                current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off',
                coalesce((SELECT array_agg(relname::text ORDER BY relname) FROM pg_index JOIN pg_class ON oid = indexrelid
                    WHERE relnamespace = to_regnamespace(current_schema()) AND NOT indisvalid), '{}'::text[]),
                CASE WHEN to_regclass('batches') IS NULL THEN 0 ELSE (SELECT count(*) FROM (
                    SELECT id, pending FROM batches WHERE finished_at IS NULL ORDER BY id DESC LIMIT 1000
                ) AS open WHERE pending <> (SELECT count(*) FROM tasks WHERE batch_id = open.id)) END,
                (SELECT max(extract(epoch FROM clock_timestamp() - xact_start))::float8 FROM pg_stat_activity
                 WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid())
            """
        ) { row throws(PostgresError) in
            DatabaseFacts(
                version: try row.text(0),
                vectorVersion: try row.optionalText(1),
                bypassesRowSecurity: try row.bool(2),
                unprotectedTables: try row.textArray(3),
                isDurable: try row.bool(4),
                invalidIndexes: try row.textArray(5),
                divergingBatches: Int(try row.int64(6)),
                oldestTransactionSeconds: try row.optionalFloat8(7)
            )
        }
    }
}
