import SluiceCore
import SluicePostgres
import SluiceTestKit
import Synchronization
import Testing

@Suite("The pool", .enabled(if: Server.isPresent, "set SLUICE_DATABASE_URL"), .timeLimit(.minutes(1)))
struct PoolTests {
    /// Keeps a connection until it is told to give it back.
    private struct Holder {
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() { (stream, continuation) = AsyncStream<Void>.makeStream() }

        func hold(_ pool: PostgresPool) async throws {
            try await pool.withConnection { _ in for await _ in stream {} }
        }

        func letGo() { continuation.finish() }
    }

    @Test("who waits too long is told so, and the pool works on")
    func exhausted() async throws {
        try await Server.withPool(size: 1) {
            $0.acquireTimeout = .milliseconds(50)
        } _: { pool in
            let holder = Holder()
            async let held: Void = holder.hold(pool)
            try await eventually("the connection is lent") { pool.statistics.opened == 1 }
            let error = await #expect(throws: PostgresError.self) { try await pool.query(.backendPID) }
            #expect(error?.code == .poolExhausted && error?.isTransient == true)
            holder.letGo()
            try await held
            let rows = try await pool.query(.backendPID)
            #expect(rows.count == 1 && pool.statistics.opened == 1)
        }
    }

    @Test("callers are served in the order in which they came")
    func fairness() async throws {
        try await Server.withPool(size: 1) { pool in
            let order = Log()
            let holder = Holder()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await holder.hold(pool) }
                try await eventually("the connection is lent") { pool.statistics.opened == 1 }
                for number in 0..<20 {
                    group.addTask {
                        try await pool.withConnection { _ in order.add(number) }
                    }
                    try await eventually("it waits") { pool.statistics.waiting == number + 1 }
                }
                holder.letGo()
                try await group.waitForAll()
            }
            #expect(order.entries == Array(0..<20))
        }
    }

    @Test("a task cancelled while it waits leaves the queue at once")
    func cancelledWait() async throws {
        try await Server.withPool(size: 1) { pool in
            let holder = Holder()
            async let held: Void = holder.hold(pool)
            try await eventually("the connection is lent") { pool.statistics.opened == 1 }
            await withTaskGroup(of: PostgresError.Code?.self) { group in
                group.addTask { await code { _ = try await pool.query(.backendPID) } }
                try? await eventually("it waits") { pool.statistics.waiting == 1 }
                group.cancelAll()
                let failure = await group.next() ?? nil
                #expect(failure == .queryCanceled)
            }
            #expect(pool.statistics.waiting == 0)
            holder.letGo()
            try await held
        }
    }

    @Test("many callers share few connections, and every call gets its own answer")
    func crowd() async throws {
        try await Server.withPool(size: 3) { pool in
            let sum = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 1...500 {
                    group.addTask {
                        try await pool.query(.int64("SELECT $1::int8", [.int8(Int64(number))])).first ?? 0
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 125_250)
            #expect(pool.statistics.opened <= 3 && pool.statistics.leased == 0)
        }
    }

    @Test("a connection left inside a transaction is not lent again")
    func leftOpen() async throws {
        try await Server.withPool(size: 1) { pool in
            let first = try await pool.withConnection { connection in
                try await connection.script("BEGIN")
                return try await connection.query(.backendPID)
            }
            let second = try await pool.query(.backendPID)
            #expect(first != second)
        }
    }

    @Test("an old connection is replaced, an idle one closed")
    func ages() async throws {
        try await Server.withPool(size: 1) {
            $0.maxLifetime = .zero
        } _: { pool in
            let first = try await pool.query(.backendPID)
            let second = try await pool.query(.backendPID)
            #expect(first != second && pool.statistics.idle == 0)
        }
        try await Server.withPool(size: 1) {
            $0.maxIdle = .zero
        } _: { pool in
            _ = try await pool.query(.backendPID)
            #expect(pool.statistics.idle == 0)
        }
    }

    @Test("a closed pool refuses, and its connections are gone from the server")
    func closed() async throws {
        let pool = PostgresPool(try Server.configuration())
        guard let pid = try await pool.query(.backendPID).first else { throw Server.Missing() }
        pool.close()
        #expect(await code { _ = try await pool.query(.backendPID) } == .poolClosed)
        let watcher = try Server.shared()
        try await eventually("the backend is gone") {
            try await watcher.query(.int64("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])) == [0]
        }
    }

    @Test("where the server has no room for one more, callers wait for the connections there are")
    func full() async throws {
        let real = try #require(ServerURL(try Server.url()))
        let proxy = try Proxy(target: real.port)
        defer { proxy.stop() }
        let url = "postgresql://\(real.credentials)@127.0.0.1:\(proxy.port)/\(real.database)?sslmode=disable"
        let pool = PostgresPool(PostgresConfiguration(url: url, applicationName: "test"))
        defer { pool.close() }
        _ = try await pool.query(.backendPID)
        proxy.refuse(true)
        let answers = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for _ in 0..<50 { group.addTask { try await pool.query(.backendPID) } }
            return try await group.reduce(into: Set<[Int64]>()) { $0.insert($1) }
        }
        #expect(answers.count == 1 && pool.statistics.opened == 1, "all were served by the one connection")
    }

    @Test("a server that comes back is used again without anyone's help")
    func recovery() async throws {
        let real = try #require(ServerURL(try Server.url()))
        let proxy = try Proxy(target: real.port)
        defer { proxy.stop() }
        proxy.refuse(true)
        let url = "postgresql://\(real.credentials)@127.0.0.1:\(proxy.port)/\(real.database)?sslmode=disable"
        let pool = PostgresPool(PostgresConfiguration(url: url, applicationName: "test"))
        defer { pool.close() }
        // By the server or by the back-off, it is the same answer, and nobody waits for a connection that cannot come.
        for _ in 0..<50 {
            let error = await #expect(throws: PostgresError.self) { try await pool.query(.backendPID) }
            #expect(error?.code == .tooManyConnections && error?.isTransient == true)
        }
        #expect(pool.statistics.leased == 0 && pool.statistics.waiting == 0)
        proxy.refuse(false)
        try await eventually("the pool connects again") { (try? await pool.query(.backendPID))?.count == 1 }
    }

    @Test("statements that block do not stall the cooperative pool")
    func blockedConnections() async throws {
        try await Server.withPool(size: 16) { pool in
            let finished = Log()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        try await pool.execute(Statement("SELECT pg_sleep(30)"))
                        finished.add(1)
                    }
                }
                try await eventually("all 16 wait for the server") {
                    pool.statistics.leased == 16 && pool.statistics.opened == 16
                }
                // More tasks than the machine has cores go on while 16 statements block.
                let sum = await withTaskGroup(of: Int.self) { others in
                    for number in 0..<64 {
                        others.addTask {
                            await Task.yield()
                            return number
                        }
                    }
                    return await others.reduce(0, +)
                }
                #expect(sum == 2_016)
                #expect(finished.entries.isEmpty, "the statements still block")
                group.cancelAll()
                let failure = await code { try await group.waitForAll() }
                #expect(failure == .queryCanceled)
            }
        }
    }
}

/// What happened, in order, from several tasks.
private final class Log: Sendable {
    private let all = Mutex<[Int]>([])

    func add(_ entry: Int) { all.withLock { $0.append(entry) } }

    var entries: [Int] { all.withLock { $0 } }
}
