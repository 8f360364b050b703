internal import SluicePostgres

extension Store {
    /// A connection without a limit of the server's for one statement: each call says itself how long it waits at most. Waits for
    /// locks stay short, since what waits for a strong lock holds up everyone behind it.
    func unhurried<Value: Sendable>(_ body: (PostgresConnection) async throws -> Value) async throws -> Value {
        try await pool.withConnection { connection in
            let value: Value
            do {
                try await connection.script("SET statement_timeout = 0; SET lock_timeout = '30s'")
                value = try await body(connection)
            } catch {
                try? await Self.reset(connection)
                throw error
            }
            try await Self.reset(connection)
            return value
        }
    }

    private static func reset(_ connection: PostgresConnection) async throws {
        try await connection.script(
            "RESET statement_timeout; RESET lock_timeout; RESET maintenance_work_mem; RESET max_parallel_maintenance_workers"
        )
    }
}
