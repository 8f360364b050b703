internal import CLibPQ
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// One connection to the server. Its libpq calls block a thread of its own; callers only wait.
///
/// One statement at a time: calls from several tasks are served in order. A call whose task is cancelled cancels its
/// statement on the server and throws.
package final class PostgresConnection: Sendable {
    private let thread: PinnedThread
    private let confined: Confined
    private let canceller = Mutex<CancelHandle?>(nil)
    private let broken = Atomic<Bool>(false)
    /// How much longer than the server's own limit the client waits before it gives the connection up.
    private let clientTimeout: Duration

    // `handle` is only touched by closures that run on `thread`.
    private final class Confined: @unchecked Sendable {
        var handle: PGHandle?
    }

    /// Connects; throws `cannotConnect`, `authentication` or `tooManyConnections`.
    package static func open(_ configuration: PostgresConfiguration) async throws(PostgresError) -> PostgresConnection {
        let connection = PostgresConnection(clientTimeout: configuration.statementTimeout + .seconds(5))
        let confined = connection.confined
        let cancel = try await connection.thread.run { () throws(PostgresError) -> CancelHandle? in
            let handle = try PGHandle(configuration)
            confined.handle = handle
            return handle.makeCancel().map(CancelHandle.init)
        }
        connection.canceller.withLock { $0 = cancel }
        return connection
    }

    private init(clientTimeout: Duration) {
        thread = PinnedThread(name: "postgres")
        confined = Confined()
        self.clientTimeout = clientTimeout
    }

    deinit {
        // PQfinish on the thread that used the connection.
        let confined = confined
        let thread = thread
        thread.submit { confined.handle = nil }
        thread.stop()
    }

    /// False once a call ended in a way that leaves the connection in an unknown state.
    package var isUsable: Bool { !broken.load(ordering: .relaxed) }

    package func query<Row: Sendable>(_ statement: Statement<Row>) async throws(PostgresError) -> [Row] {
        try await reply(statement).rows
    }

    /// Returns how many rows were touched.
    @discardableResult
    package func execute(_ statement: Statement<Void>) async throws(PostgresError) -> Int {
        try await reply(statement).affected
    }

    package func reply<Row: Sendable>(
        _ statement: Statement<Row>,
        timeout: Duration? = nil
    ) async throws(PostgresError) -> Reply<Row> {
        try await perform(timeout: timeout) { (handle, deadline) throws(PostgresError) in
            try handle.run(statement, deadline: deadline)
        }
    }

    /// Statements without parameters as one simple query: transaction control, migrations, DDL.
    package func script(_ sql: String, timeout: Duration? = nil) async throws(PostgresError) {
        try await perform(timeout: timeout) { (handle, deadline) throws(PostgresError) in
            try handle.script(sql, deadline: deadline)
        }
    }

    /// Writes rows with COPY in binary format. Returns how many the server took.
    package func copy(
        into table: String,
        columns: [String],
        rows: CopyRows
    ) async throws(PostgresError) -> Int {
        let list = columns.map(quotedIdentifier).joined(separator: ", ")
        let begin = "COPY \(quotedIdentifier(table)) (\(list)) FROM STDIN (FORMAT BINARY)"
        let chunks = rows.finished()
        return try await perform(timeout: nil) { (handle, deadline) throws(PostgresError) in
            try handle.copy(begin, chunks, deadline: deadline)
        }
    }

    /// Rolls back, whatever the state of the calling task.
    func rollBack() async throws {
        try await uncancelled { try await self.script("ROLLBACK", timeout: .seconds(5)) }
    }

    /// Whether the connection may go back to a pool: idle, healthy, not in a transaction.
    func isReusable() async -> Bool {
        guard isUsable else { return false }
        let confined = confined
        return await thread.run { confined.handle?.isUsable ?? false }
    }

    /// Whether the server has closed this idle connection.
    func isDead() async -> Bool {
        let confined = confined
        return await thread.run { confined.handle?.noticesDeath() ?? true }
    }

    private func perform<Value: Sendable>(
        timeout: Duration?,
        _ body: @escaping @Sendable (PGHandle, Instant) throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        let confined = confined
        let limit = timeout.map { $0 + .seconds(5) } ?? clientTimeout
        let started = CallState()
        do {
            return try await withTaskCancellationHandler {
                try await thread.run { () throws(PostgresError) -> Value in
                    guard let handle = confined.handle else { throw PostgresError(.connectionLost, "closed") }
                    guard started.begin() else { throw PostgresError(.queryCanceled, "cancelled before it began") }
                    defer { started.end() }
                    return try body(handle, .now + limit)
                }
            } onCancel: {
                // Only a statement that is under way may be cancelled: a late cancel would hit the next one.
                if started.cancel() { cancelRunning(started) }
            }
        } catch let error as PostgresError {
            if error.endsConnection { broken.store(true, ordering: .relaxed) }
            if error.code == .timeout { cancelRunning(nil) }
            throw error
        } catch {
            throw PostgresError(.server, "\(error)")
        }
    }

    private func cancelRunning(_ state: CallState?) {
        let handle = canceller.withLock { $0 }
        guard let handle else { return }
        PinnedThread.detach(name: "pg-cancel") {
            if let state { state.whileRunning { handle.cancel() } } else { handle.cancel() }
        }
    }
}

/// Whether a call waits, runs or has ended, so that a cancellation hits only the statement it is meant for.
private final class CallState: Sendable {
    private enum State { case waiting, running, cancelled, ended }
    private let state = Mutex(State.waiting)

    /// False when it was cancelled before it began.
    func begin() -> Bool {
        state.withLock { state in
            guard state == .waiting else { return false }
            state = .running
            return true
        }
    }

    func end() { state.withLock { $0 = .ended } }

    /// True when the statement runs and must be cancelled on the server.
    func cancel() -> Bool {
        state.withLock { state in
            if state == .waiting { state = .cancelled }
            return state == .running
        }
    }

    /// Runs `body` only while the statement runs; it cannot end meanwhile.
    func whileRunning(_ body: () -> Void) {
        state.withLock { if $0 == .running { body() } }
    }
}

/// The one owner of a `PGcancel`, which libpq allows to be used from any thread.
// The pointer is constant and PQcancel is thread-safe by libpq's contract.
private final class CancelHandle: @unchecked Sendable {
    private let raw: OpaquePointer

    init(_ raw: OpaquePointer) { self.raw = raw }

    deinit { PQfreeCancel(raw) }

    func cancel() {
        var message = [CChar](repeating: 0, count: 256)
        PQcancel(raw, &message, Int32(message.count))
    }
}
