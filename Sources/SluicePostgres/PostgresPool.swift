internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Connections to one server, opened when needed and reused.
///
/// Callers are served in order, each within `acquireTimeout`. A connection that broke or grew old is replaced by the next
/// caller's. While the server is away calls fail fast with the transient error of the last attempt to connect; attempts are
/// made every 50 ms to 1 s, with jitter.
package final class PostgresPool: Sendable {
    package let configuration: PostgresConfiguration

    private struct Shared {
        var state: PoolState
        var connections: [Int: PostgresConnection] = [:]
        var waiting: [Int: CheckedContinuation<Grant, Never>] = [:]
        var lastFailure: PostgresError?
        var opened = 0

        func grant(_ grant: PoolState.Grant) -> Grant {
            switch grant {
            case .open(let number): .open(number)
            case .use(let number): connections[number].map { .use(number, $0) } ?? .open(number)
            case .closed: .failure(PostgresError(.poolClosed))
            case .refuse: .failure(lastFailure ?? PostgresError(.cannotConnect))
            }
        }
    }

    /// What a caller gets after its turn came, or its patience ended.
    private enum Grant: Sendable {
        case use(Int, PostgresConnection)
        case open(Int)
        case failure(PostgresError)
    }

    private let shared: Mutex<Shared>

    /// Connects when first used.
    package init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
        shared = Mutex(
            Shared(
                state: PoolState(
                    PoolState.Limits(
                        size: configuration.poolSize,
                        maxLifetime: configuration.maxLifetime,
                        maxIdle: configuration.maxIdle
                    )
                )
            )
        )
    }

    package struct Statistics: Sendable {
        /// Connections in callers' hands, those being opened included.
        package let leased: Int
        package let idle: Int
        /// Callers who wait for a connection.
        package let waiting: Int
        /// Connections opened since the pool was made.
        package let opened: Int
    }

    package var statistics: Statistics {
        shared.withLock {
            Statistics(
                leased: $0.state.leasedCount,
                idle: $0.state.idleCount,
                waiting: $0.state.waiterCount,
                opened: $0.opened
            )
        }
    }

    /// Lends a connection to `body`. One that `body` leaves inside a transaction or broken is closed.
    package func withConnection<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let (number, connection) = try await acquire()
        defer { release(number, connection) }
        return try await body(connection)
    }

    package func query<Row: Sendable>(_ statement: Statement<Row>) async throws -> [Row] {
        try await withConnection { try await $0.query(statement) }
    }

    /// Runs a read or a single write under settings of its own, in one round trip: `set_config(…, true)` and the statement
    /// are one transaction. A `statement_timeout` among them is also how long the answer is waited for: see
    /// `PostgresConnection.transaction`.
    package func query<Row: Sendable>(
        _ statement: Statement<Row>,
        settings: [(name: String, value: String)]
    ) async throws -> [Row] {
        let commands = try PGCommand.settings(settings)
        let timeout = PostgresConfiguration.clientTimeout(of: settings)
        return try await withConnection {
            try await $0.reply(statement, after: { commands }, timeout: timeout).rows
        }
    }

    @discardableResult
    package func execute(_ statement: Statement<Void>) async throws -> Int {
        try await withConnection { try await $0.execute(statement) }
    }

    /// Runs statements in order, as one transaction, in one round trip, under settings as `query` takes them. Returns how many
    /// rows each touched.
    @discardableResult
    package func execute(
        _ statements: [Statement<Void>],
        settings: [(name: String, value: String)] = []
    ) async throws -> [Int] {
        let commands = try PGCommand.settings(settings)
        let timeout = PostgresConfiguration.clientTimeout(of: settings)
        return try await withConnection {
            try await $0.execute(statements, after: { commands }, timeout: timeout)
        }
    }

    /// Closes idle connections now and leased ones when they come back; later calls throw `poolClosed`. Does not block.
    package func close() { perform { $0.state.close() } }

    // MARK: - Leases

    private func acquire() async throws(PostgresError) -> (Int, PostgresConnection) {
        let deadline = Instant.now + configuration.acquireTimeout
        while true {
            do throws(PostgresError) {
                switch await turn(until: deadline) {
                case .failure(let error): throw error
                case .open(let number): return (number, try await open(number))
                case .use(let number, let connection):
                    // A restart or a firewall may have cut it while it lay idle.
                    guard connection.hasUnreadInput else { return (number, connection) }
                    return (number, try await open(number))
                }
            } catch {
                // The server has no room for one more, but those it has let in will come back: better to wait for them.
                let waits = error.code == .tooManyConnections && statistics.leased > 0 && .now < deadline
                if !waits { throw error }
            }
        }
    }

    /// Waits for this caller's turn.
    private func turn(until deadline: Instant) async -> Grant {
        var alarm: Alarm?
        defer { alarm?.disarm() }
        let mine = Mutex<Int?>(nil)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                var ticket = 0
                var isWaiting = false
                perform { shared in
                    let (number, outcome) = shared.state.request(at: .now)
                    ticket = number
                    isWaiting = !outcome.grants.contains { $0.ticket == number }
                    shared.waiting[number] = continuation
                    return outcome
                }
                guard isWaiting else { return }
                let number = ticket
                mine.withLock { $0 = number }
                // A cancellation from before found no ticket to give up.
                if Task.isCancelled { giveUp(number, .queryCanceled) }
                alarm = Alarm(after: max(.zero, deadline - .now)) { [weak self] in self?.giveUp(number, .poolExhausted)
                }
            }
        } onCancel: {
            if let ticket = mine.withLock({ $0 }) { giveUp(ticket, .queryCanceled) }
        }
    }

    private func giveUp(_ ticket: Int, _ code: PostgresError.Code) {
        let continuation = shared.withLock { shared in
            shared.state.abandon(ticket) ? shared.waiting.removeValue(forKey: ticket) : nil
        }
        continuation?.resume(returning: .failure(PostgresError(code, "while waiting for a connection")))
    }

    private func open(_ number: Int) async throws(PostgresError) -> PostgresConnection {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.open(configuration)
            // What was there before under this number ends here.
            let former = shared.withLock { shared in
                shared.state.opened(number, at: .now, spread: .random(in: 0..<1))
                shared.opened += 1
                return shared.connections.updateValue(connection, forKey: number)
            }
            _ = former
            return connection
        } catch {
            perform { shared in
                shared.lastFailure = error
                shared.connections[number] = nil
                return shared.state.openFailed(number, at: .now, spread: .random(in: 0..<1))
            }
            throw error
        }
    }

    private func release(_ number: Int, _ connection: PostgresConnection) {
        perform { $0.state.release(number, isReusable: connection.isReusable, at: .now) }
    }

    /// Changes the state under the lock, then does outside it what came out.
    private func perform(_ change: (inout Shared) -> PoolState.Outcome) {
        var resumed: [(CheckedContinuation<Grant, Never>, Grant)] = []
        var closed: [PostgresConnection] = []  // The last reference closes a connection, on its own thread.
        shared.withLock { shared in
            let outcome = change(&shared)
            for number in outcome.close {
                if let connection = shared.connections.removeValue(forKey: number) { closed.append(connection) }
            }
            for granted in outcome.grants {
                guard let continuation = shared.waiting.removeValue(forKey: granted.ticket) else { continue }
                resumed.append((continuation, shared.grant(granted.grant)))
            }
        }
        for (continuation, grant) in resumed { continuation.resume(returning: grant) }
        closed.removeAll()
    }
}
