package import SluiceCore

/// Which connections a pool has, who waits for one, and when to open more: a value without connections, clock or lock.
///
/// Connections and waiters are numbers. Events go in with the time; grants and connections to close come out. Waiters are
/// served strictly in order. While the server is away nobody waits in vain: with no connection left, and too early for
/// another attempt to open one, waiters are refused.
package struct PoolState {
    package enum Grant: Equatable {
        /// Use this connection.
        case use(Int)
        /// Open a connection under this number, then tell `opened` or `openFailed`.
        case open(Int)
        /// No connection is left, and the server refused one a moment ago.
        case refuse
        case closed
    }

    package struct Outcome: Equatable {
        package var grants: [Granted]
        /// Idle connections that are no longer wanted.
        package var close: [Int]

        package init(grants: [Granted] = [], close: [Int] = []) {
            self.grants = grants
            self.close = close
        }
    }

    package struct Granted: Equatable {
        package let ticket: Int
        package let grant: Grant

        package init(ticket: Int, grant: Grant) {
            self.ticket = ticket
            self.grant = grant
        }
    }

    package struct Limits {
        let size: Int
        let maxLifetime: Duration
        let maxIdle: Duration

        package init(size: Int, maxLifetime: Duration, maxIdle: Duration) {
            precondition((1...500).contains(size), "a pool has 1 to 500 connections")
            self.size = size
            self.maxLifetime = maxLifetime
            self.maxIdle = maxIdle
        }
    }

    private let limits: Limits
    /// The most recently used last: it is the warmest, and the others get a chance to grow old.
    private var idle: [(number: Int, since: Instant)] = []
    private var leased: Set<Int> = []
    private var expiries: [Int: Instant] = [:]
    private var waiters: [Int] = []
    private var numbers = 0
    private var tickets = 0
    private var failures = 0
    private var notBefore: Instant?
    private var isClosed = false

    package init(_ limits: Limits) { self.limits = limits }

    /// Connections handed out, those that are being opened included.
    package var leasedCount: Int { leased.count }
    package var idleCount: Int { idle.count }
    package var waiterCount: Int { waiters.count }

    /// Someone wants a connection. The outcome may serve others first.
    package mutating func request(at now: Instant) -> (ticket: Int, outcome: Outcome) {
        tickets += 1
        waiters.append(tickets)
        return (tickets, serve(at: now))
    }

    /// A waiter's time is up or its task was cancelled. False when it has been served already.
    package mutating func abandon(_ ticket: Int) -> Bool {
        guard let index = waiters.firstIndex(of: ticket) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// - Parameter spread: 0..<1, so that connections opened together do not expire together.
    package mutating func opened(_ number: Int, at now: Instant, spread: Double) {
        failures = 0
        notBefore = nil
        expiries[number] = now + limits.maxLifetime * (1 - spread / 4)
    }

    /// - Parameter spread: 0..<1: a fleet that lost its server must not beat on it in step.
    package mutating func openFailed(_ number: Int, at now: Instant, spread: Double) -> Outcome {
        let ceiling = Duration.milliseconds(min(1_000, 50 << min(failures, 5)))
        failures += 1
        notBefore = now + ceiling * (0.5 + spread / 2)
        leased.remove(number)
        return serve(at: now)
    }

    /// A leased connection comes back.
    package mutating func release(_ number: Int, isReusable: Bool, at now: Instant) -> Outcome {
        guard leased.remove(number) != nil else { return Outcome() }
        let isExpired = expiries[number].map { $0 <= now } ?? true
        guard isReusable, !isExpired, !isClosed else {
            expiries[number] = nil
            var outcome = serve(at: now)
            outcome.close.append(number)
            return outcome
        }
        idle.append((number, now))
        var outcome = serve(at: now)
        while let oldest = idle.first, oldest.since + limits.maxIdle <= now {
            idle.removeFirst()
            expiries[oldest.number] = nil
            outcome.close.append(oldest.number)
        }
        return outcome
    }

    /// Ends the pool. Leased connections close when they come back.
    package mutating func close() -> Outcome {
        isClosed = true
        var outcome = serve(at: .now)
        outcome.close = idle.map(\.number)
        idle = []
        return outcome
    }

    private mutating func serve(at now: Instant) -> Outcome {
        var outcome = Outcome()
        while let ticket = waiters.first {
            let grant: Grant
            if isClosed {
                grant = .closed
            } else if let last = idle.popLast() {
                leased.insert(last.number)
                grant = .use(last.number)
            } else if leased.count < limits.size, notBefore.map({ $0 <= now }) ?? true {
                numbers += 1
                leased.insert(numbers)
                grant = .open(numbers)
            } else if leased.isEmpty {
                grant = .refuse
            } else {
                break
            }
            waiters.removeFirst()
            outcome.grants.append(Granted(ticket: ticket, grant: grant))
        }
        return outcome
    }
}
