internal import SluiceCore
internal import SluiceDocuments
internal import SluicePostgres

/// Tenants' own partitions of index versions: who has one, and what the tables are called.
enum PartitionStatements {
    /// Tenants with more than so many chunks in an index, by what its documents' live versions say. Those being erased have none
    /// any more.
    ///
    /// - Index: `documents`' keys; a row a document, not one a chunk.
    static func large(_ index: IndexID, above: Int) -> Statement<PartitionPolicy.Tenant> {
        Statement(
            """
            SELECT documents.tenant_id, sum(chunk_count) FROM document_versions
            JOIN documents ON documents.live_version = document_versions.id
            WHERE documents.index_id = $1 AND NOT EXISTS (
                SELECT FROM erasures WHERE completed_at IS NULL AND scope = 'tenant' AND tenant_id = documents.tenant_id
            )
            GROUP BY documents.tenant_id HAVING sum(chunk_count) > $2
            """,
            [.int8(index.rawValue), .int8(Int64(above))]
        ) { row throws(PostgresError) in
            PartitionPolicy.Tenant(TenantID(trusted: try row.text(0)), chunks: Int(try row.int64(1)))
        }
    }

    /// In the order given: the first has partition 1. The tables are made with the version's.
    static func register(_ tenants: [TenantID], in version: IndexVersionID) -> Statement<Void> {
        Statement(
            """
            INSERT INTO index_partitions (version_id, number, tenant_id)
            SELECT $1, place, tenant FROM unnest($2::text[]) WITH ORDINALITY AS chosen (tenant, place)
            """,
            [.int8(version.rawValue), .textArray(tenants.map(\.rawValue))]
        )
    }

    static func holders(_ version: IndexVersionID) -> Statement<TenantID> {
        Statement("SELECT tenant_id FROM index_partitions WHERE version_id = $1", [.int8(version.rawValue)]) {
            row throws(PostgresError) in TenantID(trusted: try row.text(0))
        }
    }

    static func forget(_ version: IndexVersionID) -> Statement<Void> {
        Statement("DELETE FROM index_partitions WHERE version_id = $1", [.int8(version.rawValue)])
    }

    /// The tables that hold a version's vectors: one, or its partitions, the largest tenant's first and what all others share last.
    static func tables(of version: IndexVersionID) -> Statement<String> {
        Statement(
            """
            SELECT relname FROM sluice_embeddings($1) AS leaf JOIN pg_class ON pg_class.oid = leaf
            ORDER BY relname LIKE '%\\_p0', length(relname), relname
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in try row.text(0) }
    }

    /// The table with the vectors of the tenants that have no partition of their own.
    static func shared(_ version: IndexVersionID) -> Statement<String> {
        Statement(
            """
            SELECT 'embeddings_g' || id || CASE WHEN partition_above IS NULL THEN '' ELSE '_p0' END
            FROM index_versions WHERE id = $1
            """,
            [.int8(version.rawValue)]
        ) { row throws(PostgresError) in try row.text(0) }
    }

    /// The one table of a `version` that holds the vectors of one of `documents`. Whoever names it locks no other tenant's partitions, of
    /// which a transaction may have to lock hundreds otherwise.
    static let tableOfDocument = """
        'embeddings_g' || version.id || CASE WHEN version.partition_above IS NULL THEN '' ELSE '_p' || coalesce((
            SELECT own.number FROM index_partitions AS own
            WHERE own.version_id = version.id AND own.tenant_id = documents.tenant_id
        ), 0) END
        """

    static func table(of version: IndexVersionID, for document: DocumentID) -> Statement<String> {
        Statement(
            """
            SELECT \(tableOfDocument) FROM index_versions AS version, documents WHERE version.id = $1 AND documents.id = $2
            """,
            [.int8(version.rawValue), .int8(document.rawValue)]
        ) { row throws(PostgresError) in try row.text(0) }
    }

    struct Partition: Sendable {
        let table: String
        let parent: String
    }

    /// Partitions whose bounds name a tenant: of every version, whatever the registry says.
    static func naming(_ tenant: TenantID) -> Statement<Partition> {
        Statement(
            """
            SELECT leaf.relname, parent.relname FROM pg_inherits
            JOIN pg_class AS leaf ON leaf.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
            WHERE leaf.relnamespace = current_schema()::regnamespace AND leaf.relispartition
                AND strpos(pg_get_expr(leaf.relpartbound, leaf.oid), quote_literal($1)) > 0
            ORDER BY leaf.relname
            """,
            [.text(tenant.rawValue)]
        ) { row throws(PostgresError) in Partition(table: try row.text(0), parent: try row.text(1)) }
    }

    static func isEmpty(_ table: String) -> Statement<Bool> {
        Statement("SELECT NOT EXISTS (SELECT FROM \(quotedIdentifier(table)))") { row throws(PostgresError) in
            try row.bool(0)
        }
    }
}
