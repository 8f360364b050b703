import SluiceCore
import SluicePostgres
import SluiceTestKit
import Testing

@Suite("Statements", .enabled(if: Server.isPresent, "set SLUICE_DATABASE_URL"), .timeLimit(.minutes(1)))
struct StatementTests {
    private static let fixture = """
        CREATE TABLE parent (id bigint PRIMARY KEY);
        CREATE TABLE child (
            id bigint CONSTRAINT child_id_key UNIQUE, parent bigint REFERENCES parent, size int CHECK (size > 0), name text NOT NULL,
            span int4range, EXCLUDE USING gist (span WITH &&)
        );
        INSERT INTO parent VALUES (1);
        INSERT INTO child VALUES (1, 1, 1, 'first', '[1,5)');
        """

    @Test(
        "what went wrong is known by SQLSTATE",
        arguments: [
            ("INSERT INTO child VALUES (1, 1, 1, 'x')", .uniqueViolation, "23505", "child_id_key"),
            ("INSERT INTO child VALUES (2, 9, 1, 'x')", .foreignKeyViolation, "23503", "child_parent_fkey"),
            ("INSERT INTO child VALUES (2, 1, 0, 'x')", .checkViolation, "23514", "child_size_check"),
            ("INSERT INTO child VALUES (2, 1, 1, NULL)", .notNullViolation, "23502", nil),
            ("INSERT INTO child VALUES (2, 1, 1, 'x', '[2,3)')", .exclusionViolation, "23P01", "child_span_excl"),
            ("SELECT * FROM nowhere", .undefinedTable, "42P01", nil),
            ("SELECT nothing FROM parent", .undefinedObject, "42703", nil),
            ("SELECT nothing()", .undefinedObject, "42883", nil),
            ("SELECT 1 / 0", .invalidValue, "22012", nil),
            ("SELECT rolpassword FROM pg_authid", .insufficientPrivilege, "42501", nil),
            ("SELEC 1", .server, "42601", nil),
            ("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; SELECT 1", .server, "42601", nil),
        ] as [(String, PostgresError.Code, String, String?)]
    )
    func errors(sql: String, expected: PostgresError.Code, state: String, constraint: String?) async throws {
        try await Server.withSchema(size: 1) { pool in
            try await pool.withConnection { try await $0.script(Self.fixture) }
            let error = await #expect(throws: PostgresError.self) { try await pool.execute(Statement(sql)) }
            #expect(error?.code == expected)
            #expect(error?.sqlState == state)
            #expect(error?.constraint == constraint)
            #expect(error?.isTransient == false)
            // Neither the statement nor its values, nor the server's words.
            for word in ["INSERT", "SELECT", "nowhere", "nothing", "VALUES", "relation"] {
                #expect("\(error.map { "\($0)" } ?? "")".contains(word) == false)
            }
            #expect(pool.statistics.opened == 1, "an error of a statement costs no connection")
        }
    }

    @Test("commands say how many rows they touched")
    func affected() async throws {
        try await Server.withSchema(size: 1) { pool in
            try await pool.withConnection { try await $0.script("CREATE TABLE numbers (n bigint)") }
            let ids = PGValue.int8Array(Array(1...250))
            let counts = [
                try await pool.execute(Statement("INSERT INTO numbers SELECT unnest($1::int8[])", [ids])),
                try await pool.execute(Statement("UPDATE numbers SET n = n WHERE n <= $1", [.int8(100)])),
                try await pool.execute(Statement("DELETE FROM numbers WHERE n > $1", [.int8(240)])),
                try await pool.execute(Statement("DELETE FROM numbers WHERE n > $1", [.int8(240)])),
            ]
            #expect(counts == [250, 100, 10, 0])
        }
    }

    @Test("statements are prepared once a connection and not at all where that is off", arguments: [true, false])
    func preparing(prepares: Bool) async throws {
        try await Server.withPool(size: 1) {
            $0.prepares = prepares
        } _: { pool in
            for number in 1...5 {
                let rows = try await pool.query(.int64("SELECT $1::int8 + 1", [.int8(Int64(number))]))
                #expect(rows == [Int64(number) + 1])
            }
            let known = try await pool.query(
                .int64("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%+ 1'")
            )
            #expect(known == [prepares ? 1 : 0])
        }
    }

    @Test("one text bound with other types is another statement")
    func types() async throws {
        try await Server.withPool(size: 1) { pool in
            let sql = "SELECT coalesce($1::int8, -1)"
            for (value, expected) in [(PGValue.null, -1), (.int4(7), 7), (.int8(1 << 40), 1 << 40), (.null, -1)]
                as [(PGValue, Int64)]
            {
                let rows = try await pool.query(.int64(sql, [value]))
                #expect(rows == [expected])
            }
        }
    }

    @Test("no more statements stay prepared than the limit, and old ones work again")
    func limit() async throws {
        try await Server.withPool(size: 1) { pool in
            for number in Array(0..<300) + [0, 1, 299] {
                let rows = try await pool.query(.int64("SELECT \(number)::int8"))
                #expect(rows == [Int64(number)])
            }
            let known = try await pool.query(.int64("SELECT count(*) FROM pg_prepared_statements"))
            #expect(try #require(known.first) <= 257, "256, and one that is given up with the next statement")
        }
    }

    @Test("a changed table is no error: the statement is prepared anew", arguments: [false, true])
    func replanning(inTransaction: Bool) async throws {
        try await Server.withSchema(size: 1) { pool in
            try await pool.withConnection { try await $0.script("CREATE TABLE t (a bigint); INSERT INTO t VALUES (1)") }
            let all = Statement.int64("SELECT * FROM t")
            _ = try await pool.query(all)
            try await pool.withConnection { try await $0.script("ALTER TABLE t ADD COLUMN b text") }
            let rows =
                inTransaction ? try await pool.transaction { try await $0.query(all) } : try await pool.query(all)
            #expect(rows == [1])
            // Later in a transaction it cannot be mended: the transaction has failed, and says so as transient.
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { transaction in
                    _ = try await transaction.query(all)
                    try await transaction.script("ALTER TABLE t ADD COLUMN c text")
                    _ = try await transaction.query(all)
                }
            }
            #expect(error?.code == .cachedPlanChanged && error?.isTransient == true)
            let again = try await pool.query(all)
            #expect(again == [1])
            let leftover = try await pool.query(
                .int64("SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT * FROM t'")
            )
            #expect(leftover == [1], "the useless one was deallocated")
        }
    }

    @Test("a prepared statement that the server dropped is prepared anew")
    func dropped() async throws {
        try await Server.withPool(size: 1) { pool in
            _ = try await pool.query(.backendPID)
            try await pool.withConnection { try await $0.script("DEALLOCATE ALL") }
            let rows = try await pool.query(.backendPID)
            #expect(rows.count == 1)
            #expect(pool.statistics.opened == 1)
        }
    }

    @Test("a feature the server does not have is not tried again for ever")
    func unsupported() async throws {
        try await Server.withPool(size: 1) { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.execute(Statement("SELECT count(DISTINCT 1) OVER ()"))
            }
            #expect(error?.sqlState == "0A000" && error?.code == .server && error?.isTransient == false)
        }
    }

    @Test("several statements in one round trip apply all or not at all")
    func together() async throws {
        try await Server.withSchema(size: 1) { pool in
            try await pool.withConnection { try await $0.script("CREATE TABLE t (a bigint PRIMARY KEY)") }
            let insert = { (value: Int64) in Statement("INSERT INTO t VALUES ($1)", [.int8(value)]) }
            let counts = try await pool.execute([insert(1), insert(2), Statement("UPDATE t SET a = a + 10")])
            #expect(counts == [1, 1, 2])
            let failed = await code { try await pool.execute([insert(3), insert(11), insert(4)]) }
            #expect(failed == .uniqueViolation)
            let left = try await pool.query(.int64("SELECT count(*) FROM t"))
            #expect(left == [2])
            let none = try await pool.execute([])
            #expect(none == [])
        }
    }

    @Test("settings hold for one statement and travel with it")
    func settings() async throws {
        try await Server.withPool(size: 1) { pool in
            let read = Statement("SELECT current_setting('sluice.test', true)") { row throws(PostgresError) in
                try row.optionalText(0)
            }
            let inside = try await pool.query(read, settings: [("sluice.test", "a'; b"), ("work_mem", "8MB")])
            #expect(inside == ["a'; b"])
            let after = try await pool.query(read)
            #expect(after == [""], "the setting is known but empty afterwards")
        }
    }

    @Test("the configuration's settings reach the session, spaces and all, beside the address's own options")
    func startup() async throws {
        let url = try Server.url()
        try await Server.withPool(size: 1) {
            $0.url = url + (url.contains("?") ? "&" : "?") + "options=-c%20work_mem%3D9MB"
            $0.settings = ["sluice.test": "two words \\ and more", "search_path": #""a b",public"#]
            $0.statementTimeout = .milliseconds(12_345)
        } _: { pool in
            let names = [
                "work_mem", "sluice.test", "search_path", "statement_timeout", "application_name", "client_encoding",
            ]
            let rows = try await pool.query(
                Statement("SELECT current_setting(name) FROM unnest($1::text[]) AS name", [.textArray(names)]) {
                    row throws(PostgresError) in try row.text(0)
                }
            )
            #expect(
                rows == ["9MB", "two words \\ and more", #""a b",public"#, "12345ms", "sluice-postgres-tests", "UTF8"]
            )
        }
    }

    @Test(
        "COPY in a statement is refused and costs only that connection",
        arguments: ["COPY t FROM STDIN", "COPY t TO STDOUT"]
    )
    func stray(sql: String) async throws {
        try await Server.withSchema(size: 1) { pool in
            try await pool.withConnection { try await $0.script("CREATE TABLE t (a bigint); INSERT INTO t VALUES (1)") }
            #expect(await code { try await pool.withConnection { try await $0.script(sql) } } == .unexpectedReply)
            let rows = try await pool.query(.int64("SELECT count(*) FROM t"))
            #expect(rows == [1])
        }
    }
}
