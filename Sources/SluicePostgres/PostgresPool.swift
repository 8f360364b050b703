internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Connections to one server, opened when needed and reused.
///
/// Callers are served in order. A connection that broke is replaced by the next caller's; while the server is away calls
/// fail fast with a transient error, at most one attempt to connect every few hundred milliseconds.
package final class PostgresPool: Sendable {
    package let configuration: PostgresConfiguration

    private struct Shared {
        var state: PoolState
        var connections: [Int: (connection: PostgresConnection, lastUse: Instant)] = [:]
        var waiting: [Int: CheckedContinuation<Grant, Never>] = [:]
        var failures = 0
        var notBefore: Instant?
        var lastFailure: PostgresError?
    }

    private enum Grant: Sendable { case connection(Int), open(Int), timeUp, closed }

    private let shared: Mutex<Shared>
    /// An idle connection older than this is looked at before it is used: a firewall or a restart may have cut it.
    private static let trustIdle = Duration.seconds(5)

    package init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
        shared = Mutex(Shared(state: PoolState(limit: configuration.poolSize)))
    }

    package struct Statistics: Sendable {
        package let leased: Int
        package let idle: Int
        package let waiting: Int
    }

    package var statistics: Statistics {
        shared.withLock {
            Statistics(leased: $0.state.leasedCount, idle: $0.state.idleCount, waiting: $0.state.waiterCount)
        }
    }

    /// Lends a connection to `body`. One that `body` leaves inside a transaction or broken is closed.
    package func withConnection<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let (number, connection) = try await acquire()
        do {
            let value = try await body(connection)
            await release(number, connection)
            return value
        } catch {
            await release(number, connection)
            throw error
        }
    }

    package func query<Row: Sendable>(_ statement: Statement<Row>) async throws -> [Row] {
        try await withConnection { try await $0.query(statement) }
    }

    @discardableResult
    package func execute(_ statement: Statement<Void>) async throws -> Int {
        try await withConnection { try await $0.execute(statement) }
    }

    /// Closes idle connections now and leased ones when they come back; later calls throw `poolClosed`.
    package func close() {
        let (connections, waiting) = shared.withLock { shared in
            let (idle, waiters) = shared.state.close()
            let connections = idle.compactMap { shared.connections.removeValue(forKey: $0)?.connection }
            let waiting = waiters.compactMap { shared.waiting.removeValue(forKey: $0) }
            return (connections, waiting)
        }
        for continuation in waiting { continuation.resume(returning: .closed) }
        _ = connections  // The last reference closes the connection, on its own thread.
    }

    // MARK: -

    private func acquire() async throws -> (Int, PostgresConnection) {
        while true {
            switch await grant() {
            case .closed: throw PostgresError(.poolClosed)
            case .timeUp: throw PostgresError(.poolExhausted)
            case .open(let number): return (number, try await open(number))
            case .connection(let number):
                let known = shared.withLock { $0.connections[number] }
                guard let known else { throw PostgresError(.connectionLost) }
                if known.lastUse.elapsed > Self.trustIdle, await known.connection.isDead() {
                    discard(number)
                    continue
                }
                return (number, known.connection)
            }
        }
    }

    /// A connection, the right to open one, or, after a wait in order, a refusal.
    private func grant() async -> Grant {
        let waiter = Waiter()
        defer { waiter.state.withLock { $0.alarm }?.disarm() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let grant: Grant? = shared.withLock { shared in
                    waiter.state.withLock { mine in
                        if mine.hasGivenUp { return .timeUp }
                        switch shared.state.acquire() {
                        case .lease(let number): return .connection(number)
                        case .open(let number): return .open(number)
                        case .refuse: return .closed
                        case .wait(let ticket):
                            mine.ticket = ticket
                            shared.waiting[ticket] = continuation
                            mine.alarm = Alarm(after: configuration.acquireTimeout) { [weak self] in
                                self?.giveUp(waiter)
                            }
                            return nil
                        }
                    }
                }
                if let grant { continuation.resume(returning: grant) }
            }
        } onCancel: {
            giveUp(waiter)
        }
    }

    /// A caller's place in the queue.
    private final class Waiter: Sendable {
        struct State {
            var ticket: Int?
            var hasGivenUp = false
            var alarm: Alarm?
        }
        let state = Mutex(State())
    }

    private func giveUp(_ waiter: Waiter) {
        let continuation = shared.withLock { shared in
            waiter.state.withLock { mine -> CheckedContinuation<Grant, Never>? in
                mine.hasGivenUp = true
                guard let ticket = mine.ticket, shared.state.abandon(ticket) else { return nil }
                return shared.waiting.removeValue(forKey: ticket)
            }
        }
        continuation?.resume(returning: .timeUp)
    }

    private func open(_ number: Int) async throws -> PostgresConnection {
        let refusal = shared.withLock { shared -> PostgresError? in
            guard let notBefore = shared.notBefore, .now < notBefore else { return nil }
            return shared.lastFailure
        }
        if let refusal {
            discard(number)
            throw refusal
        }
        do throws(PostgresError) {
            let connection = try await PostgresConnection.open(configuration)
            shared.withLock { shared in
                shared.connections[number] = (connection, .now)
                shared.failures = 0
                shared.notBefore = nil
            }
            return connection
        } catch {
            shared.withLock { shared in
                // 50 ms, doubled to at most 1 s, with jitter: a fleet that lost its server must not beat on it.
                let ceiling = min(1_000, 50 << min(shared.failures, 5))
                shared.failures += 1
                shared.notBefore = .now + .milliseconds(Int.random(in: ceiling / 2...ceiling))
                shared.lastFailure = error
            }
            discard(number)
            throw error
        }
    }

    private func release(_ number: Int, _ connection: PostgresConnection) async {
        guard await connection.isReusable() else { return discard(number) }
        perform { shared in
            shared.connections[number]?.lastUse = .now
            return (shared.state.release(number, isReusable: true), number)
        }
    }

    private func discard(_ number: Int) {
        perform { shared in
            shared.connections[number] = nil
            return (shared.state.release(number, isReusable: false), number)
        }
    }

    private func perform(_ change: (inout Shared) -> (PoolState.Release, Int)) {
        let (continuation, grant) = shared.withLock { shared -> (CheckedContinuation<Grant, Never>?, Grant) in
            let (release, number) = change(&shared)
            switch release {
            case .keep: return (nil, .closed)
            case .close:
                shared.connections[number] = nil
                return (nil, .closed)
            case .give(let waiter): return (shared.waiting.removeValue(forKey: waiter), .connection(number))
            case .openFor(let waiter, let connection):
                return (shared.waiting.removeValue(forKey: waiter), .open(connection))
            }
        }
        continuation?.resume(returning: grant)
    }
}
