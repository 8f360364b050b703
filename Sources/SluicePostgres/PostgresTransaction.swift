/// A transaction that is under way: valid inside the closure it was given to.
package struct PostgresTransaction: Sendable {
    private let connection: PostgresConnection

    init(_ connection: PostgresConnection) { self.connection = connection }

    package func query<Row: Sendable>(_ statement: Statement<Row>) async throws(PostgresError) -> [Row] {
        try await connection.query(statement)
    }

    @discardableResult
    package func execute(_ statement: Statement<Void>) async throws(PostgresError) -> Int {
        try await connection.execute(statement)
    }

    /// Writes rows with COPY in binary format. Returns how many the server took.
    @discardableResult
    package func copy(into table: String, columns: [String], rows: CopyRows) async throws(PostgresError) -> Int {
        try await connection.copy(into: table, columns: columns, rows: rows)
    }

    /// Statements without parameters as one simple query: DDL, migrations.
    package func script(_ sql: String) async throws(PostgresError) { try await connection.script(sql) }
}

extension PostgresPool {
    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws.
    ///
    /// - Parameter settings: set with `set_config(…, true)`: for this transaction only, safe behind a pooler.
    package func transaction<Value: Sendable>(
        readOnly: Bool = false,
        repeatableRead: Bool = false,
        settings: [(name: String, value: String)] = [],
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        try await withConnection { connection in
            try await connection.transaction(
                readOnly: readOnly,
                repeatableRead: repeatableRead,
                settings: settings,
                body
            )
        }
    }
}

extension PostgresConnection {
    /// As `PostgresPool.transaction`, on this connection.
    package func transaction<Value: Sendable>(
        readOnly: Bool = false,
        repeatableRead: Bool = false,
        settings: [(name: String, value: String)] = [],
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        var begin = "BEGIN"
        if repeatableRead { begin += " ISOLATION LEVEL REPEATABLE READ" }
        if readOnly { begin += " READ ONLY" }
        try await script(begin)
        do {
            if !settings.isEmpty {
                try await execute(
                    Statement(
                        "SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS setting (name, value)",
                        [.textArray(settings.map(\.name)), .textArray(settings.map(\.value))]
                    )
                )
            }
            let value = try await body(PostgresTransaction(self))
            try await script("COMMIT")
            return value
        } catch {
            // Also when this task is cancelled; a connection that cannot roll back is closed by the pool.
            _ = try? await rollBack()
            throw error
        }
    }
}
