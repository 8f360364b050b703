internal import SluicePostgres
internal import SluiceStore

/// What the database itself says of a run: rows, not counters of the bench.
struct NoopBooks {
    let store: Store

    /// Tasks that have not ended.
    func live() async throws -> Int {
        try await count("SELECT count(*) FROM (SELECT FROM tasks LIMIT 1000) AS left_over")
    }

    /// Tasks that ended, each counted once.
    func archived() async throws -> Int { try await count("SELECT count(DISTINCT id) FROM tasks_archive") }

    /// Transactions of the database since its statistics began.
    func transactions() async throws -> Int {
        // Sessions report theirs with a delay of up to a second; ours of this moment do not matter.
        try await Task.sleep(for: .milliseconds(1_200))
        return try await count("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
    }

    private func count(_ sql: String) async throws -> Int {
        let rows = try await store.pool.query(Statement(sql) { row throws(PostgresError) in Int(try row.int64(0)) })
        return rows.first ?? 0
    }
}

/// A bench whose result would be worthless.
struct BenchFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
