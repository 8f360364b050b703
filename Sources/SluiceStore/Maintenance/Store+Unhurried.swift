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

    /// ANALYZE of tables, one by one, as far as it goes: one that is being vacuumed, indexed or analysed already is passed over, and so
    /// is one that fails. Nothing depends on it but plans.
    ///
    /// - Throws: only when the connection is lost.
    func analyze(_ tables: [String], limit: Duration) async throws {
        try await unhurried { connection in
            for table in tables {
                do throws(PostgresError) {
                    try await connection.script("ANALYZE (SKIP_LOCKED) \(quotedIdentifier(table))", timeout: limit)
                } catch {
                    if [.connectionLost, .timeout, .shuttingDown].contains(error.code) { throw error }
                }
            }
        }
    }

    private static func reset(_ connection: PostgresConnection) async throws {
        try await connection.script(
            "RESET statement_timeout; RESET lock_timeout; RESET maintenance_work_mem; RESET max_parallel_maintenance_workers"
        )
    }
}
