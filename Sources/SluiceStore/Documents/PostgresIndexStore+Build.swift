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
        if try await store.pool.query(IndexStatements.hnswState(of: version)).first == true { return false }
        // All rows are counted: of many millions that takes longer than statements otherwise may.
        let steps = try await store.pool.transaction(
            readOnly: true,
            settings: [("statement_timeout", "600000")]
        ) { transaction in
            var steps: [BuildStep] = []
            for table in try await transaction.query(PartitionStatements.tables(of: version)) {
                if let plan = try await transaction.query(IndexStatements.buildPlan(version, table)).first {
                    steps.append(BuildStep(table: table, plan: plan))
                }
            }
            return steps
        }
        guard let plan = steps.first?.plan else {
            throw TaskFailure(errorClass: "index.gone", message: "index version \(version) does not exist any more")
        }
        let vectors = steps.reduce(0) { $0 + $1.plan.vectors }
        return try await store.pool.withConnection { connection in
            let start = Instant.now
            do {
                try await build(steps, of: vectors, progress, connection)
                let table = quotedIdentifier(IndexVersionNames.table(version))
                // Of its partitions too, where it has some.
                try await connection.script("ANALYZE \(table)", timeout: .seconds(1_800))
            } catch {
                try? await reset(connection)
                throw error
            }
            try await reset(connection)
            guard try await connection.query(IndexStatements.hnswState(of: version)).first == true else {
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
                        "{\"m\": \(plan.m), \"ef_construction\": \(plan.efConstruction), \"vectors\": \(vectors), "
                        + "\"tables\": \(steps.count), \"seconds\": \(start.elapsed.inSeconds)}"
                ),
            ])
            return true
        }
    }

    private struct BuildStep: Sendable {
        let table: String
        let plan: IndexStatements.BuildPlan
    }

    /// One after the other: each takes all the memory that is allowed. Those that an earlier attempt has built stay.
    private func build(
        _ steps: [BuildStep],
        of vectors: Int,
        _ progress: @escaping @Sendable (HNSWProgress) -> Void,
        _ connection: PostgresConnection
    ) async throws {
        var before = 0
        for step in steps {
            let name = IndexVersionNames.hnsw(onTable: step.table)
            if try await connection.query(IndexStatements.state(name)).first != true {
                let done = before
                try await watched(
                    step.table,
                    {
                        progress(
                            HNSWProgress(phase: $0.phase, done: done + $0.done, total: max(vectors, done + $0.total))
                        )
                    },
                    { try await build(step.table, step.plan, connection) }
                )
            }
            before += step.plan.vectors
        }
    }

    private func build(
        _ relation: String,
        _ plan: IndexStatements.BuildPlan,
        _ connection: PostgresConnection
    ) async throws {
        let index = IndexVersionNames.hnsw(onTable: relation)
        let (name, table) = (quotedIdentifier(index), quotedIdentifier(relation))
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
            guard error.code == .outOfResources else { throw error }
            // Workers share the graph through shared memory, of which containers have 64 MiB unless told otherwise: alone, then.
            try await connection.script("SET max_parallel_maintenance_workers = 0")
            try await connection.script("DROP INDEX CONCURRENTLY IF EXISTS \(name)", timeout: .seconds(600))
            do throws(PostgresError) {
                try await connection.script(create, timeout: Self.buildLimit)
            } catch {
                // Not for want of shared memory, which has the same code.
                guard error.sqlState == "53100" else { throw error }
                try? await connection.script("DROP INDEX CONCURRENTLY IF EXISTS \(name)", timeout: .seconds(600))
                throw TaskFailure(
                    errorClass: "index.disk_full",
                    message:
                        "the database's disk is full: the HNSW index \(index) needs more; it is tried again every "
                        + "quarter of an hour"
                )
            }
        }
        // Into memory before the first question, where the server has the extension for it.
        try await connection.script(
            """
            DO $$ BEGIN IF to_regproc('pg_prewarm') IS NOT NULL THEN
                PERFORM pg_prewarm('\(index)'), pg_prewarm('\(relation)');
            END IF; END $$
            """,
            timeout: .seconds(600)
        )
    }

    /// Runs `build` and meanwhile tells how far it is, from another connection.
    private func watched(
        _ table: String,
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
                        if let state = try? await store.pool.query(IndexStatements.buildProgress(table)).first {
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
