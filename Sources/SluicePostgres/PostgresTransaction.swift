internal import Synchronization

/// A transaction that is under way: valid inside the closure it was given to. Later use throws `transactionEnded`.
///
/// After a statement failed, every further one throws `transactionAborted`, and so does the end of the transaction.
package struct PostgresTransaction: Sendable {
    private let connection: PostgresConnection
    private let scope: Scope
    /// For how long an answer is waited for, where the transaction sets the server another limit than the connection has.
    private let limit: Duration?

    fileprivate init(_ connection: PostgresConnection, _ scope: Scope, limit: Duration?) {
        self.connection = connection
        self.scope = scope
        self.limit = limit
    }

    /// Runs a statement and gives its rows in the server's order.
    package func query<Row: Sendable>(_ statement: Statement<Row>) async throws(PostgresError) -> [Row] {
        try await connection.reply(statement, after: scope.prologue, timeout: limit).rows
    }

    /// Returns how many rows were touched.
    @discardableResult
    package func execute(_ statement: Statement<Void>) async throws(PostgresError) -> Int {
        try await connection.reply(statement, after: scope.prologue, timeout: limit).affected
    }

    /// Runs statements in one round trip, in order. Returns how many rows each touched.
    @discardableResult
    package func execute(_ statements: [Statement<Void>]) async throws(PostgresError) -> [Int] {
        try await connection.execute(statements, after: scope.prologue, timeout: limit)
    }

    /// Writes rows with COPY in binary format. Returns how many the server took.
    @discardableResult
    package func copy(into table: String, columns: [String], rows: CopyRows) async throws(PostgresError) -> Int {
        try await connection.copy(
            into: table,
            columns: columns,
            rows: rows,
            after: scope.prologue,
            timeout: limit
        )
    }

    /// Statements without parameters as one simple query: DDL, migrations.
    package func script(_ sql: String) async throws(PostgresError) {
        try await connection.script(sql, after: scope.prologue, timeout: limit)
    }

    /// What BEGIN consists of, until the first statement takes it along; then only whether the transaction has ended.
    fileprivate final class Scope: Sendable {
        private enum State { case planned([PGCommand]), begun, ended }
        // Guarded by a mutex; taken only on the connection's thread, so the first statement there is the first in the
        // transaction, whatever tasks call in what order.
        private let state: Mutex<State>

        init(_ begin: [PGCommand]) { state = Mutex(.planned(begin)) }

        var prologue: Prologue {
            { () throws(PostgresError) in
                let commands = self.state.withLock { state -> [PGCommand]? in
                    switch state {
                    case .ended: return nil
                    case .begun: return []
                    case .planned(let commands):
                        state = .begun
                        return commands
                    }
                }
                guard let commands else { throw PostgresError(.transactionEnded) }
                return commands
            }
        }

        /// Whether anything was sent.
        func end() -> Bool {
            state.withLock { state in
                defer { state = .ended }
                if case .begun = state { return true }
                return false
            }
        }
    }
}

extension PostgresPool {
    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws. `body` runs once; see
    /// `PostgresConnection.transaction`.
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
    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws.
    ///
    /// BEGIN and the settings travel with the first statement, so that a transaction of n statements takes n + 1 round trips,
    /// and one without statements takes none. Throws what `body` throws; `transactionAborted` where `body` returned although a
    /// statement had failed; `commitUnknown` where the connection was lost during COMMIT. Not to be nested.
    ///
    /// - Parameter settings: set with `set_config(…, true)`: for this transaction only, safe behind a pooler. Where they set
    ///   `statement_timeout`, in milliseconds, answers are waited for a little longer than that; 0: for a day.
    package func transaction<Value: Sendable>(
        readOnly: Bool = false,
        repeatableRead: Bool = false,
        settings: [(name: String, value: String)] = [],
        _ body: (PostgresTransaction) async throws -> Value
    ) async throws -> Value {
        var begin = "BEGIN"
        if repeatableRead { begin += " ISOLATION LEVEL REPEATABLE READ" }
        if readOnly { begin += " READ ONLY" }
        let scope = PostgresTransaction.Scope(try [PGCommand(begin)] + PGCommand.settings(settings))
        do {
            let value = try await body(
                PostgresTransaction(self, scope, limit: PostgresConfiguration.clientTimeout(of: settings))
            )
            if scope.end() { try await commit() }
            return value
        } catch {
            _ = scope.end()
            await rollBack()
            throw error
        }
    }
}

extension PGCommand {
    /// Settings for the transaction under way; nothing for none.
    static func settings(_ settings: [(name: String, value: String)]) throws(PostgresError) -> [PGCommand] {
        if settings.isEmpty { return [] }
        return [
            try PGCommand(
                "SELECT set_config(name, value, true) FROM unnest($1::text[], $2::text[]) AS setting (name, value)",
                [.textArray(settings.map(\.name)), .textArray(settings.map(\.value))]
            )
        ]
    }
}
