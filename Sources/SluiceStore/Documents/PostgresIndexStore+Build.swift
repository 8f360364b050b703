package import SluiceCore
package import SluiceDocuments
internal import SluicePostgres
internal import SluiceSystem

extension PostgresIndexStore {
    private static let minBuildMemory = 64

    /// Cosine operators, although the vectors are of unit length: a score of a hit is then the distance itself, and an
    /// index stays right should a model come that does not normalise.
    package func buildHNSW(
        _ version: IndexVersionID,
        progress: @escaping @Sendable (HNSWProgress) -> Void
    ) async throws -> Bool {
        let name = IndexVersionNames.hnsw(version)
        if try await store.pool.query(IndexStatements.hnswState(name)).first == true { return false }
        // All rows are counted: of many millions that takes longer than statements otherwise may.
        let counted = try await store.pool.transaction(
            readOnly: true,
            settings: [("statement_timeout", "600000")]
        ) { transaction in try await transaction.query(IndexStatements.buildPlan(version)) }
        guard let plan = counted.first else {
            throw TaskFailure(errorClass: "index.gone", message: "index version \(version) does not exist any more")
        }
        return try await store.pool.withConnection { connection in
            let start = Instant.now
            do {
                try await watched(version, progress) { try await build(version, plan, connection) }
            } catch {
                try? await reset(connection)
                throw error
            }
            try await reset(connection)
            guard try await connection.query(IndexStatements.hnswState(name)).first == true else {
                throw TaskFailure(
                    errorClass: "index.invalid",
                    message: "the HNSW index of version \(version) is not valid after its build; it is built again"
                )
            }
            try await connection.execute([
                IndexStatements.indexed(version),
                IndexStatements.event(
                    version,
                    "indexed",
                    detail:
                        "{\"m\": \(plan.m), \"ef_construction\": \(plan.efConstruction), \"vectors\": \(plan.vectors), "
                        + "\"seconds\": \(start.elapsed.inSeconds)}"
                ),
            ])
            return true
        }
    }

    private func build(
        _ version: IndexVersionID,
        _ plan: IndexStatements.BuildPlan,
        _ connection: PostgresConnection
    ) async throws {
        let name = quotedIdentifier(IndexVersionNames.hnsw(version))
        let table = quotedIdentifier(IndexVersionNames.table(version))
        let memory = min(max(plan.graphMegabytes, Self.minBuildMemory), maxBuildMemory)
        try await connection.script(
            // A build whose worker was killed must not go on for hours, and keep the next one waiting.
            """
            SET statement_timeout = 0; SET lock_timeout = '30s'; SET maintenance_work_mem = '\(memory)MB';
            DO $$ BEGIN
                PERFORM set_config('client_connection_check_interval', '2s', false);
            EXCEPTION WHEN OTHERS THEN NULL; -- Some systems cannot.
            END $$
            """
        )
        // What is there is a build that was cut off: CONCURRENTLY leaves it behind, invalid.
        try await connection.script("DROP INDEX CONCURRENTLY IF EXISTS \(name)", timeout: .seconds(600))
        let create = """
            CREATE INDEX CONCURRENTLY \(name) ON \(table)
            USING hnsw (embedding \(plan.storage.rawValue)_cosine_ops) WITH (m = \(plan.m), ef_construction = \(plan.efConstruction))
            """
        do throws(PostgresError) {
            try await connection.script(create, timeout: Self.buildLimit)
        } catch {
            if error.sqlState == "53100" {
                try? await connection.script("DROP INDEX CONCURRENTLY IF EXISTS \(name)", timeout: .seconds(600))
                throw TaskFailure(
                    errorClass: "index.disk_full",
                    message:
                        "the database's disk is full: the HNSW index of version \(version) needs more; it is tried again "
                        + "every quarter of an hour"
                )
            }
            guard error.code == .outOfResources else { throw error }
            // Workers share the graph through shared memory, of which containers have 64 MiB unless told otherwise: alone, then.
            try await connection.script("SET max_parallel_maintenance_workers = 0")
            try await connection.script("DROP INDEX CONCURRENTLY IF EXISTS \(name)", timeout: .seconds(600))
            try await connection.script(create, timeout: Self.buildLimit)
        }
        try await connection.script("ANALYZE \(table)", timeout: .seconds(600))
        // Into memory before the first question, where the server has the extension for it.
        try await connection.script(
            """
            DO $$ BEGIN IF to_regproc('pg_prewarm') IS NOT NULL THEN
                PERFORM pg_prewarm('\(name)'), pg_prewarm('\(table)');
            END IF; END $$
            """,
            timeout: .seconds(600)
        )
    }

    /// Runs `build` and meanwhile tells how far it is, from another connection.
    private func watched(
        _ version: IndexVersionID,
        _ progress: @escaping @Sendable (HNSWProgress) -> Void,
        _ build: @Sendable () async throws -> Void
    ) async throws {
        try await withoutActuallyEscaping(build) { build in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await build()
                    return true
                }
                group.addTask {
                    while !Task.isCancelled {
                        // A look that fails, or finds no room in the pool, is worth no build.
                        if let state = try? await store.pool.query(IndexStatements.buildProgress(version)).first {
                            progress(state)
                        }
                        try? await Task.sleep(for: .seconds(1))
                    }
                    return false
                }
                while let isBuilt = try await group.next(), !isBuilt {}
                group.cancelAll()
            }
        }
    }

    private static let buildLimit = Duration.seconds(6 * 3_600)

    private func reset(_ connection: PostgresConnection) async throws {
        try await connection.script(
            "RESET statement_timeout; RESET lock_timeout; RESET maintenance_work_mem; RESET max_parallel_maintenance_workers; "
                + "RESET client_connection_check_interval"
        )
    }
}
