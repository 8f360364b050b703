import SluiceCore
import SluicePostgres
import SluiceTestKit
import Testing

@Suite("Faults", .enabled(if: Server.isPresent, "set SLUICE_DATABASE_URL"), .timeLimit(.minutes(2)))
struct FaultTests {
    /// Ends a backend from another pool, as an operator or a restart does.
    private func terminate(_ pid: Int64) async throws {
        let other = try Server.shared()
        _ = try await other.query(
            Statement("SELECT pg_terminate_backend($1)", [.int4(Int(pid))]) { row throws(PostgresError) in
                try row.bool(0)
            }
        )
        try await eventually("the backend is gone") {
            try await other.query(.int64("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])) == [0]
        }
    }

    @Test("a backend that ended while its connection lay idle is noticed by no caller")
    func terminatedIdle() async throws {
        try await Server.withPool(size: 1) { pool in
            for round in 1...3 {
                guard let pid = try await pool.query(.backendPID).first else { throw Server.Missing() }
                try await terminate(pid)
                let next = try await pool.query(.backendPID)
                #expect(next != [pid])
                #expect(pool.statistics.opened == round + 1)
            }
        }
    }

    @Test("a backend that ends in the middle of a transaction is a transient error, and the next call works")
    func terminatedInTransaction() async throws {
        try await Server.withSchema(size: 1) { pool in
            try await pool.withConnection { try await $0.script("CREATE TABLE t (a bigint)") }
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { transaction in
                    try await transaction.execute(Statement("INSERT INTO t VALUES (1)"))
                    guard let pid = try await transaction.query(.backendPID).first else { throw Server.Missing() }
                    try await terminate(pid)
                    try await transaction.execute(Statement("INSERT INTO t VALUES (2)"))
                }
            }
            #expect(error?.code == .shuttingDown || error?.code == .connectionLost)
            #expect(error?.isTransient == true)
            let rows = try await pool.query(.int64("SELECT count(*) FROM t"))
            #expect(rows == [0])
        }
    }

    @Test("a connection lost during COMMIT says that nobody knows")
    func lostInCommit() async throws {
        try await Server.withSchema(size: 1) { pool in
            // A deferred trigger runs inside COMMIT, so that is where the backend ends itself.
            try await pool.withConnection {
                try await $0.script(
                    """
                    CREATE TABLE t (a bigint);
                    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; END $$;
                    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
                    """
                )
            }
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { try await $0.execute(Statement("INSERT INTO t VALUES (1)")) }
            }
            #expect(error?.code == .commitUnknown && error?.isTransient == true)
            let rows = try await pool.query(.int64("SELECT count(*) FROM t"))
            #expect(rows == [0])
        }
    }

    @Test("a connection lost before COMMIT is not reported as unknown")
    func lostBeforeCommit() async throws {
        try await Server.withPool(size: 1) { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { transaction in
                    guard let pid = try await transaction.query(.backendPID).first else { throw Server.Missing() }
                    try await terminate(pid)
                    _ = try? await transaction.query(.backendPID)
                }
            }
            #expect(error?.code == .connectionLost)
        }
    }

    @Test("the server's limits on statements and locks are kept and cost no connection")
    func limits() async throws {
        try await Server.withSchema(size: 2) {
            $0.statementTimeout = .milliseconds(300)
            $0.lockTimeout = .milliseconds(100)
        } _: { pool in
            try await pool.withConnection { try await $0.script("CREATE TABLE t (a bigint)") }
            #expect(await code { try await pool.execute(Statement("SELECT pg_sleep(20)")) } == .queryCanceled)
            let blocked = try await pool.transaction { transaction in
                try await transaction.script("LOCK TABLE t")
                return await code { _ = try await pool.query(.int64("SELECT count(*) FROM t")) }
            }
            #expect(blocked == .lockNotAvailable)
            #expect(pool.statistics.opened <= 2)
        }
    }

    @Test("a transaction that may take longer, or must be quicker, is waited for accordingly")
    func ownLimits() async throws {
        try await Server.withSchema(size: 1) {
            $0.statementTimeout = .milliseconds(100)
        } _: { pool in
            // Five seconds more than the server may take is as long as the client waits.
            let sleep = Statement("SELECT pg_sleep(5.4)")
            for limit in ["20000", "0"] {
                _ = try await pool.transaction(settings: [("statement_timeout", limit)]) { try await $0.execute(sleep) }
            }
            let short = await code {
                _ = try await pool.transaction(settings: [("statement_timeout", "50")]) { try await $0.execute(sleep) }
            }
            #expect(short == .queryCanceled)
            #expect(await code { _ = try await pool.execute(sleep) } == .queryCanceled)
        }
    }

    @Test("statements outside of a transaction with a limit of their own are waited for accordingly")
    func ownStatementLimits() async throws {
        try await Server.withSchema(size: 2) {
            $0.statementTimeout = .milliseconds(100)
        } _: { pool in
            let limit = [(name: "statement_timeout", value: "20000")]
            async let counted = pool.query(.int64("SELECT count(*) FROM pg_sleep(5.4)"), settings: limit)
            _ = try await pool.execute([Statement("SELECT pg_sleep(5.4)")], settings: limit)
            #expect(try await counted == [1])
        }
    }

    @Test("deadlocks and serialization failures are transient")
    func conflicts() async throws {
        try await Server.withSchema(size: 2) { pool in
            try await pool.withConnection {
                try await $0.script(
                    "CREATE TABLE t (a bigint PRIMARY KEY, n bigint); INSERT INTO t VALUES (1, 0), (2, 0)"
                )
            }
            let touch = { @Sendable (id: Int64) in Statement("UPDATE t SET n = n + 1 WHERE a = $1", [.int8(id)]) }
            let stale = await #expect(throws: PostgresError.self) {
                try await pool.transaction(repeatableRead: true) { transaction in
                    _ = try await transaction.query(.int64("SELECT n FROM t WHERE a = 1"))
                    try await pool.execute(touch(1))
                    try await transaction.execute(touch(1))
                }
            }
            #expect(stale?.code == .serializationFailure && stale?.isTransient == true)

            // Each locks one row, and only then the other's.
            let outcomes = await withTaskGroup(of: PostgresError.Code?.self) { group in
                let (first, second) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
                for (mine, theirs, ready, other) in [
                    (Int64(1), Int64(2), first.continuation, second.stream), (2, 1, second.continuation, first.stream),
                ] {
                    group.addTask {
                        await code {
                            try await pool.transaction { transaction in
                                try await transaction.execute(touch(mine))
                                ready.finish()
                                for await _ in other {}
                                try await transaction.execute(touch(theirs))
                            }
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.contains(.deadlock) && outcomes.contains(nil), "one of the two goes through")
        }
    }

    @Test("nobody listening is a quick, clear, transient error that names no address")
    func refused() async throws {
        let pool = PostgresPool(
            PostgresConfiguration(url: "postgresql://u:secret-word@127.0.0.1:1/db", applicationName: "test")
        )
        defer { pool.close() }
        let error = await #expect(throws: PostgresError.self) { try await pool.query(.backendPID) }
        #expect(error?.code == .cannotConnect && error?.isTransient == true)
        #expect("\(error.map { "\($0)" } ?? "")".contains("127.0.0.1") == false)
        #expect(String(reflecting: error).contains("secret-word") == false)
        #expect(pool.statistics.leased == 0)
    }

    @Test("a wrong password and an unreadable address are not transient")
    func misconfigured() async throws {
        let real = try #require(ServerURL(try Server.url()))
        let url = "postgresql://\(real.credentials)wrong@\(real.host):\(real.port)/\(real.database)"
        let wrong = PostgresPool(PostgresConfiguration(url: url, applicationName: "test"))
        let error = await #expect(throws: PostgresError.self) { try await wrong.query(.backendPID) }
        #expect(error?.code == .authentication && error?.isTransient == false && error?.sqlState == "28P01")
        let unreadable = PostgresPool(PostgresConfiguration(url: "postgresql://[half", applicationName: "test"))
        #expect(await code { _ = try await unreadable.query(.backendPID) } == .invalidAddress)
    }

    @Test("a server that accepts and never answers costs the connection timeout and no more")
    func silentServer() async throws {
        let proxy = try Proxy(target: 1)
        defer { proxy.stop() }
        proxy.fallSilent()
        var configuration = PostgresConfiguration(
            url: "postgresql://u@127.0.0.1:\(proxy.port)/db",
            applicationName: "test"
        )
        configuration.connectTimeout = .milliseconds(200)
        let pool = PostgresPool(configuration)
        #expect(await code { _ = try await pool.query(.backendPID) } == .cannotConnect)
    }

    @Test("of several hosts the first that answers is taken, even after one that is silent")
    func severalHosts() async throws {
        let silent = try Proxy(target: 1)
        defer { silent.stop() }
        silent.fallSilent()
        let real = try #require(ServerURL(try Server.url()))
        let url =
            "postgresql://\(real.credentials)@127.0.0.1:1,127.0.0.1:\(silent.port),\(real.host):\(real.port)/\(real.database)"
        let pool = PostgresPool(PostgresConfiguration(url: url, applicationName: "test", connectTimeout: .seconds(2)))
        defer { pool.close() }
        let rows = try await pool.query(.backendPID)
        #expect(rows.count == 1)
    }

    @Test(
        "a network cut in the middle of a statement ends in a time-out, and so does a cancellation then",
        arguments: [false, true]
    )
    func cutNetwork(cancels: Bool) async throws {
        let real = try #require(ServerURL(try Server.url()))
        let proxy = try Proxy(target: real.port)
        defer { proxy.stop() }
        let url = "postgresql://\(real.credentials)@127.0.0.1:\(proxy.port)/\(real.database)?sslmode=disable"
        var configuration = PostgresConfiguration(url: url, applicationName: "test")
        configuration.statementTimeout = cancels ? .seconds(600) : .milliseconds(100)
        let pool = PostgresPool(configuration)
        defer { pool.close() }
        _ = try await pool.query(.backendPID)
        proxy.fallSilent()
        let before = proxy.arrivalCount
        let failure = await withTaskGroup(of: PostgresError.Code?.self) { group in
            group.addTask { await code { _ = try await pool.query(.backendPID) } }
            if cancels {
                try? await eventually("the statement is under way") { proxy.arrivalCount > before }
                group.cancelAll()
            }
            return await group.next() ?? nil
        }
        #expect(failure == .timeout)
        try await eventually("the connection was given up") { pool.statistics.idle == 0 && pool.statistics.leased == 0 }
    }
}

/// The parts of a `postgresql://user:password@host:port/database` address.
struct ServerURL {
    let credentials: String
    let host: String
    let port: Int
    let database: String

    init?(_ url: String) {
        guard url.hasPrefix("postgresql://"), let at = url.lastIndex(of: "@") else { return nil }
        credentials = String(url[..<at].dropFirst("postgresql://".count))
        let rest = url[url.index(after: at)...].split(separator: "?")[0].split(separator: "/")
        let address = rest[0].split(separator: ":")
        guard rest.count == 2, address.count == 2, let port = Int(address[1]) else { return nil }
        host = String(address[0])
        self.port = port
        database = String(rest[1])
    }
}
