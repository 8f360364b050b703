import SluiceCore
import SluiceDocuments
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore

/// Indexes whose tenants have partitions.
extension RebuildFixture {
    /// Asks for a text of a tenant's without performing anything yet.
    @discardableResult
    func request(_ name: String, _ lines: Range<Int>, of tenant: TenantID) async throws -> String {
        let uri = try base.write(name, Self.prose(lines, "\(tenant)"))
        _ = try await base.request([uri], tenant: tenant)
        return uri
    }

    @discardableResult
    func ingest(_ name: String, _ lines: Range<Int>, of tenant: TenantID) async throws -> String {
        let uri = try await request(name, lines, of: tenant)
        try await settle()
        return uri
    }

    func scalar(_ sql: String) async throws -> Int { try await base.count(sql) }

    /// The tenants of a table, each with its vectors.
    func vectors(in table: String) async throws -> [String: Int] {
        let rows = try await base.store.pool.query(
            Statement("SELECT tenant_id, count(*) FROM \"\(table)\" GROUP BY tenant_id") { row throws(PostgresError) in
                (try row.text(0), Int(try row.int64(1)))
            }
        )
        return Dictionary(uniqueKeysWithValues: rows)
    }

    func chunks() async throws -> [String: Int] { try await vectors(in: "chunks") }

    /// The partitions of a version by name; empty for a plain table.
    func partitions(of version: IndexVersionRecord) async throws -> [String] {
        try await base.store.pool.query(
            Statement(
                """
                SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                WHERE inhparent = to_regclass('embeddings_g\(version.id)') ORDER BY relname
                """
            ) { row throws(PostgresError) in try row.text(0) }
        )
    }
}

extension TenantID {
    static let big = TenantID(trusted: "big")
    static let mid = TenantID(trusted: "mid")
    static let small = TenantID(trusted: "small")
}
