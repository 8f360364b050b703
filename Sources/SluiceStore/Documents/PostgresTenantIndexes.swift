package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

/// Partial HNSW indexes of large tenants, beside the one that all share. In a version with partitions they are for those without one
/// of their own.
package struct PostgresTenantIndexes: TenantIndexStore {
    let store: Store
    private let policy: TenantIndexPolicy
    private let maxBuildMemory: Int
    /// All vectors are counted: of many millions that takes longer than statements otherwise may.
    static let unhurried = [(name: "statement_timeout", value: "600000")]

    /// - Parameter maxBuildMemory: MiB that a build may take of the server's memory; as for those of index versions.
    package init(_ store: Store, policy: TenantIndexPolicy = TenantIndexPolicy(), maxBuildMemory: Int = 2_048) {
        self.store = store
        self.policy = policy
        self.maxBuildMemory = maxBuildMemory
    }

    package func liveVersions(of index: IndexName?) async throws -> [IndexVersionID] {
        try await store.pool.query(TenantIndexStatements.live(index))
    }

    /// What would be done for a version, and what is to stay. Counts all of its vectors.
    package func plan(_ version: IndexVersionID) async throws -> TenantIndexPolicy.Plan {
        let tenants = try await store.pool.query(
            TenantIndexStatements.tenants(version, in: try await table(version)),
            settings: Self.unhurried
        )
        return policy.plan(tenants)
    }

    package func apply(_ version: IndexVersionID) async throws -> TenantIndexPolicy.Plan {
        var plan = try await plan(version)
        let orphans = try await store.pool.query(
            TenantIndexStatements.orphans(version, in: try await table(version)),
            settings: Self.unhurried
        )
        for name in orphans { try await drop(name) }
        for tenant in plan.drop { try await drop(TenantIndexStatements.name(version, tenant)) }
        // One that a cut-off build left behind is invalid, and is built again.
        for tenant in plan.keep where try await !isValid(TenantIndexStatements.name(version, tenant)) {
            plan.build.append(tenant)
        }
        plan.keep.removeAll(where: plan.build.contains)
        for tenant in plan.build { try await build(version, tenant) }
        if !(plan.build.isEmpty && plan.drop.isEmpty && orphans.isEmpty) {
            // Numbers only: events outlive tenants.
            let detail =
                "{\"built\": \(plan.build.count), \"dropped\": \(plan.drop.count + orphans.count), \"kept\": \(plan.keep.count)}"
            try await store.pool.execute(IndexStatements.event(version, "isolated", detail: detail))
        }
        return plan
    }

    /// The one that tenants share.
    private func table(_ version: IndexVersionID) async throws -> String {
        try await store.pool.query(PartitionStatements.shared(version)).first ?? IndexVersionNames.table(version)
    }

    private func isValid(_ name: String) async throws -> Bool {
        try await store.pool.query(IndexStatements.state(name)).first ?? false
    }

    private func drop(_ name: String) async throws {
        try await scripts(["DROP INDEX CONCURRENTLY IF EXISTS \(quotedIdentifier(name))"])
    }

    private func build(_ version: IndexVersionID, _ tenant: TenantID) async throws {
        let table = try await table(version)
        let rows = try await store.pool.query(
            TenantIndexStatements.buildPlan(version, tenant, in: table),
            settings: Self.unhurried
        )
        guard let plan = rows.first else { return }
        let name = TenantIndexStatements.name(version, tenant)
        let memory = min(max(plan.graphMegabytes, 64), maxBuildMemory)
        try await scripts([
            "DROP INDEX CONCURRENTLY IF EXISTS \(quotedIdentifier(name))",
            "SET maintenance_work_mem = '\(memory)MB'",
            // A tenant's name has no quotes: see its rule. The index's own predicate takes no parameters.
            """
            CREATE INDEX CONCURRENTLY \(quotedIdentifier(name)) ON \(quotedIdentifier(table))
            USING hnsw (embedding \(plan.element)_cosine_ops) WITH (m = \(plan.m), ef_construction = \(plan.efConstruction))
            WHERE tenant_id = '\(tenant)'
            """,
        ])
        guard try await isValid(name) else {
            // No tenant's name: the message is kept with a task of the fleet's own tenant, beyond the tenant's erasure.
            throw TaskFailure(
                errorClass: "index.invalid",
                message: "one tenant's own index in version \(version) is not valid after its build; it is built again"
            )
        }
    }

    private func scripts(_ scripts: [String]) async throws {
        try await store.pool.withConnection { connection in
            do {
                try await connection.script("SET statement_timeout = 0; SET lock_timeout = '30s'")
                for script in scripts { try await connection.script(script, timeout: .seconds(6 * 3_600)) }
            } catch {
                try? await connection.script("RESET statement_timeout; RESET lock_timeout; RESET maintenance_work_mem")
                throw error
            }
            try await connection.script("RESET statement_timeout; RESET lock_timeout; RESET maintenance_work_mem")
        }
    }
}

enum TenantIndexStatements {
    static func live(_ index: IndexName?) -> Statement<IndexVersionID> {
        Statement(
            """
            SELECT live_version FROM indexes WHERE live_version IS NOT NULL AND name = coalesce($1::text, name) ORDER BY id
            """,
            [.optionalText(index?.rawValue)]
        ) { row throws(PostgresError) in IndexVersionID(rawValue: try row.int64(0)) }
    }

    /// Names are cut at 63 bytes and tenants' are as long: so it is a digest of it.
    static func name(_ version: IndexVersionID, _ tenant: TenantID) -> String {
        let digest = SHA256Digest(ofText: tenant.rawValue).bytes.prefix(8).hexadecimal
        return "\(prefix(version))\(digest)_idx"
    }

    private static func prefix(_ version: IndexVersionID) -> String { "\(IndexVersionNames.table(version))_hnsw_t" }

    /// Every tenant with vectors in the table, how many, and whether it has an index.
    static func tenants(_ version: IndexVersionID, in table: String) -> Statement<TenantIndexPolicy.Tenant> {
        Statement(
            """
            SELECT tenant_id, count(*), to_regclass(quote_ident(
                $1 || substr(encode(sha256(convert_to(tenant_id, 'UTF8')), 'hex'), 1, 16) || '_idx')) IS NOT NULL
            FROM \(quotedIdentifier(table)) GROUP BY tenant_id
            """,
            [.text(prefix(version))]
        ) { row throws(PostgresError) in
            TenantIndexPolicy.Tenant(
                id: TenantID(trusted: try row.text(0)),
                vectors: Int(try row.int64(1)),
                isIndexed: try row.bool(2)
            )
        }
    }

    /// Indexes of tenants that have nothing in the version any more.
    static func orphans(_ version: IndexVersionID, in table: String) -> Statement<String> {
        Statement(
            """
            SELECT relname::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE indrelid = to_regclass($2) AND starts_with(relname::text, $1) AND relname::text NOT IN (
                SELECT $1 || substr(encode(sha256(convert_to(tenant_id, 'UTF8')), 'hex'), 1, 16) || '_idx'
                FROM \(quotedIdentifier(table)) GROUP BY tenant_id
            )
            """,
            [.text(prefix(version)), .text(table)]
        ) { row throws(PostgresError) in try row.text(0) }
    }

    struct BuildPlan: Sendable {
        let m: Int
        let efConstruction: Int
        let element: String
        let graphMegabytes: Int
    }

    static func buildPlan(_ version: IndexVersionID, _ tenant: TenantID, in table: String) -> Statement<BuildPlan> {
        Statement(
            """
            SELECT hnsw_m, hnsw_ef_construction, dimension,
                (SELECT count(*) FROM \(quotedIdentifier(table)) WHERE tenant_id = $2),
                (SELECT format_type(atttypid, NULL) FROM pg_attribute
                 WHERE attrelid = to_regclass($3) AND attname = 'embedding')
            FROM index_versions WHERE id = $1
            """,
            [.int8(version.rawValue), .text(tenant.rawValue), .text(table)]
        ) { row throws(PostgresError) in
            let (m, dimension, vectors) = (try row.int32(0), try row.int32(2), Int(try row.int64(3)))
            let element = try row.text(4) == "vector" ? "vector" : "halfvec"
            let bytes = dimension * (element == "vector" ? 4 : 2) + m * 2 * 16 * 5 / 4 + 256
            return BuildPlan(
                m: m,
                efConstruction: try row.int32(1),
                element: element,
                graphMegabytes: vectors * bytes / 1_048_576 + 1
            )
        }
    }
}
