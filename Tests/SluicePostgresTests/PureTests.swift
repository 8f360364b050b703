import SluiceCore
import SluicePostgres
import Testing

@Suite("Prepared statements of a connection")
struct PreparedStatementsTests {
    private func key(_ sql: String, _ types: [UInt32] = []) -> PreparedStatements.Key { .init(sql: sql, types: types) }

    @Test("a text is prepared once for each list of types")
    func keys() {
        var statements = PreparedStatements(limit: 10, prefix: "s")
        let first = statements.use(key("SELECT $1", [20]))
        #expect(first.isNew)
        let again = statements.use(key("SELECT $1", [20]))
        #expect(!again.isNew && again.name == first.name)
        let other = statements.use(key("SELECT $1", [25]))
        #expect(other.isNew && other.name != first.name)
    }

    @Test("the one unused for longest gives way and is deallocated once")
    func eviction() {
        var statements = PreparedStatements(limit: 2, prefix: "s")
        _ = statements.use(key("a"))
        let b = statements.use(key("b"))
        _ = statements.use(key("a"))
        _ = statements.use(key("c"))
        #expect(statements.count == 2)
        let abandoned = statements.takeAbandoned()
        #expect(abandoned == [b.name])
        let none = statements.takeAbandoned()
        #expect(none.isEmpty)
        let (a, again) = (statements.use(key("a")), statements.use(key("b")))
        #expect(!a.isNew && again.isNew)
    }

    @Test("a name is never used twice, whatever was forgotten")
    func names() {
        var statements = PreparedStatements(limit: 3, prefix: "s")
        var names: Set<String> = []
        for round in 0..<50 {
            let use = statements.use(key("\(round % 7)"))
            if use.isNew { #expect(names.insert(use.name).inserted) }
            if round % 5 == 0 { statements.forget(key("\(round % 7)")) }
            if round % 6 == 0 { statements.abandon(key("\(round % 7)")) }
        }
    }
}

@Suite("The life of a call")
struct CallTests {
    private let start = Instant.now

    @Test("a call cancelled before it began never begins")
    func early() {
        let call = PGCall(limit: .seconds(1))
        #expect(!call.cancel(grace: .seconds(5)), "nothing runs that could be cancelled on the server")
        #expect(!call.begin(at: start))
    }

    @Test("a cancellation brings the deadline nearer, never farther")
    func deadlines() {
        let long = PGCall(limit: .seconds(60))
        #expect(long.begin(at: start))
        #expect(long.remaining(slice: .seconds(100), at: start) == .seconds(60))
        #expect(long.cancel(grace: .seconds(5), at: start))
        #expect(long.remaining(slice: .seconds(100), at: start) == .seconds(5))
        #expect(long.remaining(slice: .seconds(1), at: start) == .seconds(1))
        #expect(long.remaining(slice: .seconds(1), at: start + .seconds(5)) == nil)

        let short = PGCall(limit: .seconds(2))
        #expect(short.begin(at: start))
        #expect(short.cancel(grace: .seconds(5), at: start))
        #expect(short.remaining(slice: .seconds(100), at: start) == .seconds(2))

        let endless = PGCall(limit: nil)
        #expect(endless.begin(at: start))
        #expect(endless.remaining(slice: .seconds(1), at: start + .seconds(1_000_000)) == .seconds(1))
        #expect(endless.cancel(grace: .seconds(5), at: start))
        #expect(endless.remaining(slice: .seconds(9), at: start) == .seconds(5))
    }

    @Test("a call that has ended cannot be cancelled: the cancel would hit the next")
    func late() {
        let call = PGCall(limit: nil)
        #expect(call.begin())
        call.end()
        #expect(!call.cancel(grace: .seconds(5)))
    }
}

@Suite("What errors and configurations show")
struct DisclosureTests {
    private let secret = "hunter2-hunter2"

    @Test(
        "no description of a configuration shows the password",
        arguments: [
            "postgresql://sluice:PASSWORD@db.example:5433/main",
            "host=db.example port=5433 user=sluice password=PASSWORD dbname=main",
            "postgresql://sluice@db.example:5433/main?password=PASSWORD",
            "complete nonsense PASSWORD",
        ]
    )
    func passwords(template: String) {
        let url = template.split(separator: "PASSWORD", omittingEmptySubsequences: false).joined(separator: secret)
        let configuration = PostgresConfiguration(url: url, applicationName: "test")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), String(describing: configuration), dumped] {
            #expect(!text.contains(secret))
            if !template.hasPrefix("complete") { #expect(text.contains("sluice@db.example:5433/main")) }
        }
    }

    @Test("an error's description has no word of the server's; its debug description has")
    func errors() {
        let error = PostgresError(.uniqueViolation, "the server's words", sqlState: "23505", constraint: "tasks_pkey")
        #expect("\(error)" == "PostgreSQL: a row with this key exists (SQLSTATE 23505, constraint tasks_pkey)")
        #expect(!"\(error)".contains("words"))
        #expect(String(reflecting: error).contains("the server's words"))
        var dumped = ""
        dump(error, to: &dumped)
        #expect(!Mirror(reflecting: error).children.contains { "\($0.value)".contains("words") })
    }

    @Test("every code has advice of its own")
    func advice() {
        let texts = PostgresError.Code.allCases.map { "\(PostgresError($0))" }
        #expect(Set(texts).count == texts.count)
    }

    @Test(
        "why a server refused a connection is known in any language",
        arguments: [
            (
                "connection to server at \"10.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed for user \"x\"",
                "authentication"
            ),
            (
                "Verbindung zum Server fehlgeschlagen: FATAL:  28P01: Passwort-Authentifizierung fehlgeschlagen",
                "authentication"
            ),
            (
                "failed: FATAL:  53300: sorry, too many clients already\nLOCATION:  InitProcess, proc.c:363",
                "tooManyConnections"
            ),
            ("failed: FATAL:  57P03: the database system is starting up", "shuttingDown"),
            ("failed: FATAL:  3D000: database \"nope\" does not exist", "cannotConnect"),
            ("failed: Connection refused\n\tIs the server running on that host?", "cannotConnect"),
            ("failed: FATAL:  password authentication failed for user \"x\"", "authentication"),
            ("failed: FATAL:  sorry, too many clients already", "tooManyConnections"),
        ]
    )
    func refusals(message: String, code: String) {
        #expect(PostgresError(refusalOfConnection: message).code.rawValue == code)
    }

    @Test("identifiers are quoted, quotes doubled")
    func identifiers() {
        #expect(quotedIdentifier("plain") == "\"plain\"")
        #expect(quotedIdentifier("a\"; DROP TABLE b; --") == "\"a\"\"; DROP TABLE b; --\"")
    }
}

@Suite("Vectors on the wire")
struct VectorBytesTests {
    @Test("float32 keeps every bit, float16 rounds to nearest")
    func roundTrips() throws {
        let values: [Float] = [0, -0.0, 1, -1, 0.333_333_34, 65_504, .leastNormalMagnitude, 1e-7, 3.141_592_7]
        let exact = try Vector.decode(Vector.encode(values))
        #expect(exact.map(\.bitPattern) == values.map(\.bitPattern))
        let half = try HalfVector.decode(HalfVector.encode(values))
        #expect(half == values.map { Float(Float16($0)) })
    }

    @Test("the bytes are the documented ones")
    func bytes() {
        #expect(HalfVector.encode([1, -2]) == [0, 2, 0, 0, 0x3C, 0x00, 0xC0, 0x00])
        #expect(Vector.encode([1]) == [0, 1, 0, 0, 0x3F, 0x80, 0, 0])
    }

    @Test(
        "bytes of a wrong size are refused",
        arguments: [[], [0], [0, 2, 0, 0, 1, 2], [0, 1, 0, 0, 1, 2, 3]] as [[UInt8]]
    )
    func wrong(bytes: [UInt8]) {
        #expect(throws: PostgresError.self) { try HalfVector.decode(bytes) }
        #expect(throws: PostgresError.self) { try Vector.decode(bytes) }
    }
}
