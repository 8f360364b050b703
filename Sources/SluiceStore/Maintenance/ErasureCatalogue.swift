internal import SluiceCore
internal import SluicePostgres

/// What the schema's catalogue says of tables that hold rows by tenant or by document: also of those that came after this code.
enum ErasureCatalogue {
    struct Table: Sendable {
        let name: String
        let pages: Int64
        let columns: Set<String>
        /// Columns that begin an index without a condition.
        let indexed: Set<String>
    }

    /// Every table with rows of its own that has a tenant: partitions one by one, but for those that by their bounds hold the rows of
    /// another tenant alone. Receipts are none of them.
    static func tables(of tenant: TenantID) -> Statement<Table> {
        Statement(
            """
            SELECT class.relname, pg_relation_size(class.oid) / current_setting('block_size')::bigint,
                (SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute
                 WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped),
                ARRAY(SELECT attname FROM pg_index
                    JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
                    WHERE indrelid = class.oid AND indpred IS NULL AND indisvalid)
            FROM pg_class AS class
            WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'erasures'
                AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = class.oid AND attname = 'tenant_id' AND NOT attisdropped)
                AND NOT EXISTS (
                    SELECT FROM pg_inherits JOIN pg_partitioned_table AS parent ON partrelid = inhparent
                    JOIN pg_attribute AS key ON key.attrelid = partrelid AND key.attname = 'tenant_id'
                    CROSS JOIN pg_get_expr(class.relpartbound, class.oid) AS bound
                    WHERE inhrelid = class.oid AND class.relispartition AND partstrat = 'l' AND partnatts = 1
                        AND partattrs[0] = key.attnum
                        -- Just one name, and not this one.
                        AND bound LIKE 'FOR VALUES IN (''%'')' AND length(bound) - length(replace(bound, '''', '')) = 2
                        AND bound <> 'FOR VALUES IN (''' || replace($1, '''', '''''') || ''')'
                )
            """,
            [.text(tenant.rawValue)]
        ) { row throws(PostgresError) in
            Table(
                name: try row.text(0),
                pages: try row.int64(1),
                columns: Set(try row.textArray(2)),
                indexed: Set(try row.textArray(3))
            )
        }
    }

    /// Indexes over one tenant's rows alone.
    static func indexes(naming tenant: TenantID) -> Statement<String> {
        Statement(
            """
            SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE relnamespace = current_schema()::regnamespace AND indpred IS NOT NULL
                AND strpos(pg_get_expr(indpred, indrelid), quote_literal($1)) > 0
            ORDER BY relname
            """,
            [.text(tenant.rawValue)]
        ) { row throws(PostgresError) in try row.text(0) }
    }

    static func references() -> Statement<(from: String, to: String)> {
        Statement(
            """
            SELECT child.relname, parent.relname FROM pg_constraint
            JOIN pg_class AS child ON child.oid = conrelid JOIN pg_class AS parent ON parent.oid = confrelid
            WHERE contype = 'f' AND child.relnamespace = current_schema()::regnamespace
            """
        ) { row throws(PostgresError) in (try row.text(0), try row.text(1)) }
    }
}
