import SluiceCore
import SluicePostgres
import Testing

@Suite("COPY", .enabled(if: Server.isPresent, "set SLUICE_DATABASE_URL"), .timeLimit(.minutes(2)))
struct CopyTests {
    private func withTable(_ body: (PostgresPool) async throws -> Void) async throws {
        try await Server.withSchema(size: 2) { pool in
            try await pool.withConnection {
                try await $0.script(
                    #"CREATE TABLE "odd "" name" (id bigint PRIMARY KEY, body text, digest bytea, v public.halfvec(3), "Flag" bool)"#
                )
            }
            try await body(pool)
        }
    }

    private static let table = "odd \" name"
    private static let columns = ["id", "body", "digest", "v", "Flag"]

    private static func row(_ id: Int64) -> [PGValue] {
        [
            .int8(id), id % 10 == 0 ? .null : .text("row \(id) ü\t\\N\n"), .bytes([0, UInt8(truncatingIfNeeded: id)]),
            .binary(HalfVector.encode([1, 2, Float(id % 100)]), type: 0), .bool(id % 2 == 0),
        ]
    }

    @Test("100,000 rows arrive as they were")
    func many() async throws {
        try await withTable { pool in
            var rows = CopyRows()
            for id in 1...100_000 { try rows.append(Self.row(Int64(id))) }
            #expect(rows.count == 100_000)
            let whole = rows
            let taken = try await pool.transaction {
                try await $0.copy(into: Self.table, columns: Self.columns, rows: whole)
            }
            #expect(taken == 100_000)
            let check = try await pool.query(
                Statement(
                    """
                    SELECT count(*), count(*) FILTER (WHERE body IS NULL), sum(id)::int8, count(*) FILTER (WHERE "Flag"),
                        count(*) FILTER (WHERE body = 'row ' || id || E' ü\\t\\\\N\\n' OR body IS NULL),
                        count(*) FILTER (WHERE digest = '\\x00'::bytea || substring(int8send(id) FROM 8 FOR 1)),
                        count(*) FILTER (WHERE v = format('[1,2,%s]', id % 100)::public.halfvec)
                    FROM "odd "" name"
                    """
                ) { row throws(PostgresError) in
                    var values: [Int64] = []
                    for column in 0..<7 { values.append(try row.int64(column)) }
                    return values
                }
            )
            #expect(check == [[100_000, 10_000, 5_000_050_000, 50_000, 100_000, 100_000, 100_000]])
        }
    }

    @Test("no rows at all are fine")
    func empty() async throws {
        try await withTable { pool in
            let taken = try await pool.transaction {
                try await $0.copy(into: Self.table, columns: Self.columns, rows: CopyRows())
            }
            #expect(taken == 0)
        }
    }

    @Test("a bad row takes everything back, and the connection goes on")
    func bad() async throws {
        try await withTable { pool in
            var rows = CopyRows()
            for id in 1...50_000 { try rows.append(Self.row(Int64(id))) }
            try rows.append(Self.row(1))
            let whole = rows
            let failure = await code {
                _ = try await pool.transaction {
                    try await $0.copy(into: Self.table, columns: Self.columns, rows: whole)
                }
            }
            #expect(failure == .uniqueViolation)
            let left = try await pool.query(.int64(#"SELECT count(*) FROM "odd "" name""#))
            #expect(left == [0])
            #expect(pool.statistics.opened == 1)
        }
    }

    @Test("a value that cannot be stored leaves the rows before it whole")
    func refused() async throws {
        try await withTable { pool in
            var rows = CopyRows()
            try rows.append(Self.row(1))
            #expect(throws: PostgresError.self) { try rows.append([.int8(2), .text("\0")]) }
            try rows.append(Self.row(3))
            let whole = rows
            let taken = try await pool.transaction {
                try await $0.copy(into: Self.table, columns: Self.columns, rows: whole)
            }
            #expect(taken == 2)
        }
    }

    @Test(
        "wrong types and missing tables are errors of the statement",
        arguments: [
            (["id"], [PGValue.int4(1)]), (["id", "body"], [.int8(1)]), (["nope"], [.int8(1)]),
        ]
    )
    func wrong(columns: [String], values: [PGValue]) async throws {
        try await withTable { pool in
            var rows = CopyRows()
            try rows.append(values)
            let whole = rows
            let failure = await code {
                _ = try await pool.transaction { try await $0.copy(into: Self.table, columns: columns, rows: whole) }
            }
            #expect(failure == .invalidValue || failure == .undefinedObject)
            let left = try await pool.query(.int64(#"SELECT count(*) FROM "odd "" name""#))
            #expect(left == [0])
        }
    }
}
