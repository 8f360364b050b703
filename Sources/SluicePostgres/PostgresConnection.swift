internal import Glibc
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One connection to the server. Its libpq calls block a thread of its own; callers only wait.
///
/// One call at a time: calls from several tasks are served in order. A call whose task is cancelled cancels its statement on
/// the server and throws `queryCanceled`, within 5 s even where the network is cut. All calls throw `PostgresError`.
package final class PostgresConnection: Sendable {
    private let thread: PinnedThread
    private let confined: Confined
    private let link = Mutex<(cancel: PGCancel?, socket: Int32, process: Int32)>((nil, -1, 0))
    /// The handle's condition after its last call.
    private let condition = Atomic<UInt8>(PGHandle.Condition.idle.rawValue)
    /// Set when a cancellation was sent: it may come late and hit the next statement, which must be none of another caller.
    private let isSpent = Atomic<Bool>(false)
    private let limit: Duration?
    private static let cancelGrace = Duration.seconds(5)

    // `handle` is only touched by closures that run on `thread`.
    private final class Confined: @unchecked Sendable {
        var handle: PGHandle?
    }

    /// Connects; throws `cannotConnect`, `authentication`, `tooManyConnections`, `shuttingDown` or `invalidAddress`.
    package static func open(_ configuration: PostgresConfiguration) async throws(PostgresError) -> PostgresConnection {
        let connection = PostgresConnection(limit: configuration.clientTimeout)
        let confined = connection.confined
        let known = try await connection.thread.run { () throws(PostgresError) in
            let handle = try PGHandle(configuration)
            confined.handle = handle
            return (handle.makeCancel().map(PGCancel.init(adopting:)), handle.socket, handle.announcedProcess)
        }
        connection.link.withLock { $0 = known }
        return connection
    }

    private init(limit: Duration?) {
        thread = PinnedThread(name: "postgres")
        confined = Confined()
        self.limit = limit
    }

    deinit {
        // PQfinish on the thread that used the connection.
        let confined = confined
        let thread = thread
        thread.submit { confined.handle = nil }
        thread.stop()
    }

    /// False once a call ended in a way that leaves the connection in an unknown state. Later calls throw `connectionLost`.
    package var isUsable: Bool { condition.load(ordering: .relaxed) != PGHandle.Condition.broken.rawValue }

    /// True when a pooler stands between: the process that serves a statement is not the one that took the connection.
    package func isPooled() async throws(PostgresError) -> Bool {
        let announced = link.withLock { $0.process }
        let serving = try await query(
            Statement("SELECT pg_backend_pid()") { row throws(PostgresError) in try row.int32(0) }
        )
        return serving.first.map { Int32($0) } != announced
    }

    /// Whether the connection may go back to a pool: healthy, not in a transaction, no cancellation on its way.
    var isReusable: Bool {
        condition.load(ordering: .relaxed) == PGHandle.Condition.idle.rawValue && !isSpent.load(ordering: .relaxed)
    }

    /// Whether an idle connection has something to read: nearly always its end. One system call; does not block.
    ///
    /// To be asked by the one who has just leased it, since nobody else uses it then.
    var hasUnreadInput: Bool {
        var poller = pollfd(fd: link.withLock { $0.socket }, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, 0) > 0
    }

    /// Runs a statement and gives its rows in the server's order.
    package func query<Row: Sendable>(_ statement: Statement<Row>) async throws(PostgresError) -> [Row] {
        try await reply(statement).rows
    }

    /// Returns how many rows were touched.
    @discardableResult
    package func execute(_ statement: Statement<Void>) async throws(PostgresError) -> Int {
        try await reply(statement).affected
    }

    /// - Parameter timeout: for a statement whose own limit differs from the configuration's, how long to wait for it at most.
    package func reply<Row: Sendable>(
        _ statement: Statement<Row>,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> Reply<Row> {
        try await reply(statement, after: { [] }, timeout: timeout)
    }

    /// Runs statements in one round trip, in order; all of them apply, or none. Returns how many rows each touched.
    @discardableResult
    package func execute(_ statements: [Statement<Void>]) async throws(PostgresError) -> [Int] {
        try await execute(statements, after: { [] })
    }

    /// Statements without parameters as one simple query: transaction control, migrations, DDL.
    package func script(_ sql: String, timeout: Duration? = nil) async throws(PostgresError) {
        try await script(sql, after: { [] }, timeout: timeout)
    }

    /// Writes rows with COPY in binary format. Returns how many the server took.
    package func copy(
        into table: String,
        columns: [String],
        rows: CopyRows
    ) async throws(PostgresError) -> Int {
        try await copy(into: table, columns: columns, rows: rows, after: { [] })
    }
}

/// What goes before a statement in the same round trip: a transaction's beginning. Called on the connection's thread, once,
/// when nothing can keep what it gives from being sent.
typealias Prologue = @Sendable () throws(PostgresError) -> [PGCommand]

extension PostgresConnection {
    func reply<Row: Sendable>(
        _ statement: Statement<Row>,
        after prologue: @escaping Prologue,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> Reply<Row> {
        try await perform(timeout: timeout) { (handle, call) throws(PostgresError) in
            let command = try PGCommand(statement.sql, statement.parameters)
            guard let reply = try handle.exchange(prologue() + [command], call).last else {
                throw PostgresError(.unexpectedReply, "no reply")
            }
            #if DEBUG
                StatementLog.ran(statement)
            #endif
            return Reply(rows: try reply.rows(of: statement), affected: reply.affected)
        }
    }

    func execute(
        _ statements: [Statement<Void>],
        after prologue: @escaping Prologue,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> [Int] {
        if statements.isEmpty { return [] }
        return try await perform(timeout: timeout) { (handle, call) throws(PostgresError) in
            var commands: [PGCommand] = []
            for statement in statements { commands.append(try PGCommand(statement.sql, statement.parameters)) }
            let replies = try handle.exchange(prologue() + commands, call).suffix(commands.count)
            #if DEBUG
                for statement in statements { StatementLog.ran(statement) }
            #endif
            return replies.map(\.affected)
        }
    }

    func script(_ sql: String, after prologue: @escaping Prologue, timeout: Duration? = nil) async throws(PostgresError)
    {
        try await perform(timeout: timeout) { (handle, call) throws(PostgresError) in
            try Self.begin(prologue, handle, call)
            try handle.script(sql, call)
        }
    }

    func copy(
        into table: String,
        columns: [String],
        rows: CopyRows,
        after prologue: @escaping Prologue,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> Int {
        let list = columns.map(quotedIdentifier).joined(separator: ", ")
        let begin = "COPY \(quotedIdentifier(table)) (\(list)) FROM STDIN (FORMAT BINARY)"
        let pieces = rows.finished()
        return try await perform(timeout: timeout) { (handle, call) throws(PostgresError) in
            try Self.begin(prologue, handle, call)
            return try handle.copy(begin, pieces, call)
        }
    }

    private static func begin(_ prologue: Prologue, _ handle: PGHandle, _ call: PGCall) throws(PostgresError) {
        let commands = try prologue()
        if !commands.isEmpty { _ = try handle.exchange(commands, call) }
    }

    /// Throws `transactionAborted` where a statement had failed: the server then answers COMMIT with a rollback and no error.
    func commit() async throws(PostgresError) {
        guard isUsable else { throw PostgresError(.connectionLost, "the connection ended before COMMIT") }
        do throws(PostgresError) {
            let tag = try await perform(timeout: nil) { (handle, call) throws(PostgresError) in
                try handle.exchange([try PGCommand("COMMIT")], call).last?.commandTag
            }
            if tag != "COMMIT" { throw PostgresError(.transactionAborted) }
        } catch {
            throw error.endsConnection ? error.recoded(.commitUnknown) : error
        }
    }

    /// Rolls back, whatever the state of the calling task. A connection that cannot is broken afterwards.
    func rollBack() async {
        guard condition.load(ordering: .relaxed) == PGHandle.Condition.inTransaction.rawValue else { return }
        _ = try? await uncancelled { try await self.script("ROLLBACK", timeout: Self.cancelGrace) }
    }

    private func perform<Value: Sendable>(
        timeout: Duration?,
        _ body: @escaping @Sendable (PGHandle, PGCall) throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        let call = PGCall(limit: timeout ?? limit)
        let result: Result<Value, PostgresError> = await withTaskCancellationHandler {
            await thread.run { self.run(call, body) }
        } onCancel: {
            // The server then has a moment to say that it stopped; a dead network never says so.
            guard call.cancel(grace: Self.cancelGrace) else { return }
            isSpent.store(true, ordering: .relaxed)
            link.withLock { $0.cancel }?.send()
        }
        return try result.get()
    }

    /// On the connection's thread.
    private func run<Value: Sendable>(
        _ call: PGCall,
        _ body: (PGHandle, PGCall) throws(PostgresError) -> Value
    ) -> Result<Value, PostgresError> {
        guard isUsable, let handle = confined.handle else {
            return .failure(PostgresError(.connectionLost, "the connection ended before"))
        }
        guard call.begin() else { return .failure(PostgresError(.queryCanceled, "cancelled before it began")) }
        defer { call.end() }
        do throws(PostgresError) {
            let value = try body(handle, call)
            condition.store(handle.condition.rawValue, ordering: .relaxed)
            return .success(value)
        } catch {
            let ended = error.endsConnection ? PGHandle.Condition.broken : handle.condition
            condition.store(ended.rawValue, ordering: .relaxed)
            if error.code == .timeout { link.withLock { $0.cancel }?.send() }
            return .failure(error)
        }
    }
}
