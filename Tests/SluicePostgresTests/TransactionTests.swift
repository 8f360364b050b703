import SluiceCore
import SluicePostgres
import SluiceTestKit
import Testing

@Suite("Transactions", .enabled(if: Server.isPresent, "set SLUICE_DATABASE_URL"), .timeLimit(.minutes(1)))
struct TransactionTests {
    private struct Mine: Error {}

    private static let insert = Statement("INSERT INTO t VALUES (1)")
    private static let count = Statement.int64("SELECT count(*) FROM t")

    private func withTable(size: Int = 2, _ body: (PostgresPool) async throws -> Void) async throws {
        try await Server.withSchema(size: size) { pool in
            try await pool.withConnection { try await $0.script("CREATE TABLE t (a bigint)") }
            try await body(pool)
        }
    }

    @Test("what returns is committed, what throws is rolled back")
    func ends() async throws {
        try await withTable { pool in
            let inside = try await pool.transaction { transaction in
                try await transaction.execute(Self.insert)
                return try await transaction.query(Self.count)
            }
            #expect(inside == [1])
            await #expect(throws: Mine.self) {
                try await pool.transaction { transaction in
                    try await transaction.execute(Self.insert)
                    throw Mine()
                }
            }
            await #expect(throws: PostgresError.self) {
                try await pool.transaction { transaction in
                    try await transaction.execute(Self.insert)
                    try await transaction.execute(Statement("SELECT 1 / 0"))
                }
            }
            let after = try await pool.query(Self.count)
            #expect(after == [1])
            #expect(pool.statistics.opened == 1, "a rollback costs no connection")
        }
    }

    @Test("a failure that the body hides does not end as a success")
    func hiddenFailure() async throws {
        try await withTable { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { transaction in
                    try await transaction.execute(Self.insert)
                    _ = try? await transaction.execute(Statement("SELECT 1 / 0"))
                }
            }
            #expect(error?.code == .transactionAborted && error?.isTransient == false)
            let after = try await pool.query(Self.count)
            #expect(after == [0])
        }
    }

    @Test(
        "the beginning travels with the first statement, whatever that is",
        arguments: ["query", "script", "copy", "list"]
    )
    func beginnings(first: String) async throws {
        try await withTable { pool in
            try await pool.transaction(settings: [("sluice.test", "inside")]) { transaction in
                switch first {
                case "query": try await transaction.execute(Self.insert)
                case "script": try await transaction.script("INSERT INTO t VALUES (1)")
                case "list": try await transaction.execute([Self.insert])
                default:
                    var rows = CopyRows()
                    try rows.append([.int8(1)])
                    try await transaction.copy(into: "t", columns: ["a"], rows: rows)
                }
                let outside = try await pool.query(Self.count)
                #expect(outside == [0], "nobody else sees it before the end")
                let setting = Statement("SELECT current_setting('sluice.test')") { row throws(PostgresError) in
                    try row.text(0)
                }
                let inside = try await transaction.query(setting)
                #expect(inside == ["inside"])
            }
            let after = try await pool.query(Self.count)
            #expect(after == [1])
        }
    }

    @Test("a value refused by the client as the first of all does not leave later statements outside the transaction")
    func refusedFirst() async throws {
        try await withTable { pool in
            await #expect(throws: Mine.self) {
                try await pool.transaction { transaction in
                    _ = try? await transaction.execute(Statement("SELECT $1", [.text("\0")]))
                    try await transaction.execute(Self.insert)
                    throw Mine()
                }
            }
            let after = try await pool.query(Self.count)
            #expect(after == [0])
        }
    }

    @Test("children of one transaction are all inside it, whichever comes first")
    func children() async throws {
        try await withTable { pool in
            await #expect(throws: Mine.self) {
                try await pool.transaction { transaction in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<20 { group.addTask { try await transaction.execute(Self.insert) } }
                        try await group.waitForAll()
                    }
                    let inside = try await transaction.query(Self.count)
                    #expect(inside == [20])
                    throw Mine()
                }
            }
            let after = try await pool.query(Self.count)
            #expect(after == [0])
        }
    }

    @Test("isolation and read-only hold")
    func modes() async throws {
        try await withTable { pool in
            try await pool.transaction(repeatableRead: true) { transaction in
                let before = try await transaction.query(Self.count)
                try await pool.execute(Self.insert)
                let again = try await transaction.query(Self.count)
                #expect(before == [0] && again == [0])
            }
            #expect(
                await code { _ = try await pool.transaction(readOnly: true) { try await $0.execute(Self.insert) } }
                    == .readOnly
            )
        }
    }

    @Test("a transaction does not work after its end")
    func escaped() async throws {
        try await withTable { pool in
            let escaped = try await pool.transaction { $0 }
            #expect(await code { try await escaped.execute(Self.insert) } == .transactionEnded)
            let after = try await pool.query(Self.count)
            #expect(after == [0])
        }
    }

    @Test("a cancelled task's transaction is rolled back, its locks are free, its statement stopped")
    func cancelled() async throws {
        try await withTable(size: 3) { pool in
            try await pool.execute(Self.insert)
            let pid = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await pool.transaction { transaction in
                        try await transaction.execute(Statement("UPDATE t SET a = 2"))
                        try await transaction.execute(Statement("SELECT pg_sleep(30) /* cancelled */"))
                    }
                }
                let running = Statement.int64(
                    "SELECT pid::int8 FROM pg_stat_activity WHERE query LIKE '%cancelled */' AND state = 'active' AND pid <> pg_backend_pid()"
                )
                let pid = try await eventually("the statement runs") { try await pool.query(running).first }
                group.cancelAll()
                let failure: PostgresError.Code? = await code { try await group.waitForAll() }
                #expect(failure == .queryCanceled)
                return pid
            }
            let changed = try await pool.execute(Statement("UPDATE t SET a = 3 WHERE a = 1"))
            #expect(changed == 1, "rolled back, and the row is free")
            try await eventually("the connection is given up: a late cancel must hit nobody else") {
                try await pool.query(.int64("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", [.int8(pid)])) == [
                    0
                ]
            }
        }
    }

    @Test("a transaction takes one round trip more than it has statements, and none without any")
    func roundTrips() async throws {
        let real = try #require(ServerURL(try Server.url()))
        let proxy = try Proxy(target: real.port)
        defer { proxy.stop() }
        let url = "postgresql://\(real.credentials)@127.0.0.1:\(proxy.port)/\(real.database)?sslmode=disable"
        let pool = PostgresPool(PostgresConfiguration(url: url, applicationName: "test", poolSize: 1))
        defer { pool.close() }
        let settings = [(name: "sluice.test", value: "x")]
        let one = Statement.int64("SELECT 1::int8")
        _ = try await pool.query(.backendPID)

        var before = proxy.arrivalCount
        func roundTrips() -> Int {
            defer { before = proxy.arrivalCount }
            return proxy.arrivalCount - before
        }
        try await pool.transaction(settings: settings) { _ in }
        #expect(roundTrips() == 0)
        try await pool.transaction(settings: settings) { transaction in
            for _ in 0..<3 { _ = try await transaction.query(one) }
        }
        #expect(roundTrips() == 4)
        _ = try await pool.query(one, settings: settings)
        #expect(roundTrips() == 1)
        try await pool.execute([Statement("SELECT 1"), Statement("SELECT 2")], settings: settings)
        #expect(roundTrips() == 1)
        await #expect(throws: Mine.self) {
            try await pool.transaction { transaction in
                _ = try await transaction.query(one)
                throw Mine()
            }
        }
        #expect(roundTrips() == 2)
    }
}
