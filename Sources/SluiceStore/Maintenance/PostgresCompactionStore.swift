package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceQueue

/// Compaction on PostgreSQL, by REINDEX CONCURRENTLY and VACUUM: both beside readers and writers.
package struct PostgresCompactionStore: CompactionStore {
    private let store: Store
    private static let limit = Duration.seconds(5 * 3_600)
    private static let leastMemory = 64
    private let maxBuildMemory: Int

    /// - Parameter maxBuildMemory: MiB that a new build of an index may take of the server's memory; as for those of index versions.
    package init(_ store: Store, maxBuildMemory: Int = 2_048) {
        self.store = store
        self.maxBuildMemory = maxBuildMemory
    }

    package func time() async throws -> Int64 { try await store.time().seconds }

    package func isBuilding() async throws -> Bool {
        try await store.pool.query(CompactionStatements.isBuilding()).first ?? false
    }

    package func dropLeftovers(fence: Fence) async throws -> [String] {
        let names = try await store.pool.query(CompactionStatements.leftovers())
        if names.isEmpty { return [] }
        try await check(fence)
        try await store.unhurried { connection in
            for name in names {
                try await connection.script(
                    "DROP INDEX CONCURRENTLY IF EXISTS \(quotedIdentifier(name))",
                    timeout: .seconds(600)
                )
            }
        }
        return names
    }

    package func relations() async throws -> [RelationFacts] {
        let isExact = try await store.pool.query(CompactionStatements.hasExactCounts()).first ?? false
        let tables = try await store.unhurried { connection in
            try await connection.reply(CompactionStatements.facts(exact: isExact), timeout: .seconds(1_800)).rows
        }
        let indexes = Dictionary(grouping: try await store.pool.query(CompactionStatements.indexes()), by: \.table)
        return tables.map { table in
            RelationFacts(
                table: table.name,
                liveRows: table.live,
                deadRows: table.dead,
                bytes: table.bytes,
                indexes: (indexes[table.name] ?? []).map(\.facts)
            )
        }
    }

    package func perform(_ step: CompactionStep, fence: Fence) async throws -> CompactionReport {
        try await check(fence)
        let before = try await store.pool.query(CompactionStatements.size(step.relation)).first ?? 0
        let start = Instant.now
        let (table, name) =
            switch step {
            case .reindex(_, let table): (table, "reindex")
            case .vacuum(let table): (table, "vacuum")
            }
        let needed = try await store.pool.query(CompactionStatements.graphMegabytes(table)).first ?? 0
        let memory = min(max(needed, Self.leastMemory), maxBuildMemory)
        try await store.unhurried { connection in
            try await connection.script("SET maintenance_work_mem = '\(memory)MB'")
            switch step {
            case .reindex(let index, _): try await Self.reindex(index, connection)
            case .vacuum(let table):
                try await connection.script("VACUUM (ANALYZE) \(quotedIdentifier(table))", timeout: Self.limit)
            }
        }
        let after = try await store.pool.query(CompactionStatements.size(step.relation)).first ?? 0
        let report = CompactionReport(bytesBefore: before, bytesAfter: after, seconds: start.elapsed.inSeconds)
        try await store.pool.execute(
            CompactionStatements.event(
                table,
                """
                {"action": "\(name)", "relation": "\(step.relation)", "bytes_before": \(before), "bytes_after": \(after), \
                "seconds": \(report.seconds)}
                """
            )
        )
        return report
    }

    private static func reindex(_ index: String, _ connection: PostgresConnection) async throws {
        let sql = "REINDEX INDEX CONCURRENTLY \(quotedIdentifier(index))"
        do throws(PostgresError) {
            try await connection.script(sql, timeout: limit)
        } catch {
            guard error.code == .outOfResources else { throw error }
            // Workers share the graph through shared memory, of which containers have 64 MiB unless told otherwise: alone, then.
            try await connection.script(
                "DROP INDEX CONCURRENTLY IF EXISTS \(quotedIdentifier(index + "_ccnew"))",
                timeout: .seconds(600)
            )
            try await connection.script("SET max_parallel_maintenance_workers = 0")
            try await connection.script(sql, timeout: limit)
        }
    }

    /// Neither REINDEX CONCURRENTLY nor VACUUM goes into a transaction; done twice they do no harm.
    private func check(_ fence: Fence) async throws {
        try await store.pool.transaction { try await store.hold(fence, in: $0) }
    }
}
