/// Which connections a pool has and who waits for one: a value without connections, clock or lock.
///
/// Connections are named by number. Events go in; the caller performs what comes out.
struct PoolState {
    enum Action: Equatable {
        /// Hand this idle connection to the caller.
        case lease(Int)
        /// Open a new connection for the caller, under this number.
        case open(Int)
        /// The caller waits, under this ticket.
        case wait(Int)
        case refuse
    }

    enum Release: Equatable {
        /// Hand the connection to this waiter.
        case give(waiter: Int)
        /// Let this waiter open a connection in place of one that broke.
        case openFor(waiter: Int, connection: Int)
        case keep
        case close
    }

    private let limit: Int
    private var idle: [Int] = []
    private var leased: Set<Int> = []
    private var waiters: [Int] = []
    private var nextConnection = 0
    private var nextTicket = 0
    private(set) var isClosed = false

    init(limit: Int) {
        precondition(limit > 0)
        self.limit = limit
    }

    var leasedCount: Int { leased.count }
    var idleCount: Int { idle.count }
    var waiterCount: Int { waiters.count }

    mutating func acquire() -> Action {
        if isClosed { return .refuse }
        // Those who wait already go first; the most recently used connection is the warmest.
        if waiters.isEmpty, let connection = idle.popLast() {
            leased.insert(connection)
            return .lease(connection)
        }
        if waiters.isEmpty, idle.count + leased.count < limit { return .open(take()) }
        nextTicket += 1
        waiters.append(nextTicket)
        return .wait(nextTicket)
    }

    /// A leased connection comes back; `isReusable` is false when it broke or could not be opened.
    mutating func release(_ connection: Int, isReusable: Bool) -> Release {
        guard leased.remove(connection) != nil else { return .close }
        if !isReusable || isClosed {
            guard !isClosed, !waiters.isEmpty else { return .close }
            return .openFor(waiter: waiters.removeFirst(), connection: take())
        }
        guard !waiters.isEmpty else {
            idle.append(connection)
            return .keep
        }
        leased.insert(connection)  // It goes from hand to hand.
        return .give(waiter: waiters.removeFirst())
    }

    /// A waiter's time is up or its task was cancelled. False when it has been served already.
    mutating func abandon(_ ticket: Int) -> Bool {
        guard let index = waiters.firstIndex(of: ticket) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// Ends the pool: idle connections to close, waiters to refuse. Leased ones close when they come back.
    mutating func close() -> (idle: [Int], waiters: [Int]) {
        isClosed = true
        defer {
            idle = []
            waiters = []
        }
        return (idle, waiters)
    }

    private mutating func take() -> Int {
        nextConnection += 1
        leased.insert(nextConnection)
        return nextConnection
    }
}
