import SluiceCore
import SluicePostgres
import Testing

@Suite("Values", .enabled(if: Server.isPresent, "set SLUICE_DATABASE_URL"), .timeLimit(.minutes(1)))
struct ValueTests {
    /// Sends a value and reads the server's own text of it, so that encoder and decoder cannot err together.
    private func text(_ value: PGValue, as cast: String) async throws -> String? {
        try await Server.withPool(size: 1) { pool in
            try await pool.query(
                Statement("SELECT ($1::\(cast))::text", [value]) { row throws(PostgresError) in try row.optionalText(0)
                }
            ).first ?? nil
        }
    }

    @Test(
        "the server reads what was bound",
        arguments: [
            (.text("Grüße 🌍 'quoted' \\ \"double\"\n"), "text", "Grüße 🌍 'quoted' \\ \"double\"\n"),
            (.text(""), "text", ""),
            (.optionalText(nil), "text", nil),
            (.optionalText("x"), "text", "x"),
            (.jsonb(#"{"a": [1, null, "ü"]}"#), "jsonb", #"{"a": [1, null, "ü"]}"#),
            (.bool(true), "bool", "true"), (.bool(false), "bool", "false"),
            (.int2(-32_768), "int2", "-32768"), (.int4(2_147_483_647), "int4", "2147483647"),
            (.optionalInt4(nil), "int4", nil), (.int8(.min), "int8", "-9223372036854775808"),
            (.optionalInt8(.max), "int8", "9223372036854775807"),
            (.float8(-0.1), "float8", "-0.1"), (.float8(.infinity), "float8", "Infinity"),
            (.float8(.nan), "float8", "NaN"),
            (.optionalFloat8(nil), "float8", nil),
            (.bytes([0, 1, 255, 0]), "bytea", "\\x0001ff00"), (.bytes([]), "bytea", "\\x"),
            (.optionalBytes(nil), "bytea", nil),
            (
                .uuid(WorkerID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210)), "uuid",
                "01234567-89ab-cdef-fedc-ba9876543210"
            ),
            (.timestamp(1_700_000_000), "timestamptz AT TIME ZONE 'UTC'", "2023-11-14 22:13:20"),
            (.timestamp(-86_400), "timestamptz AT TIME ZONE 'UTC'", "1969-12-31 00:00:00"),
            (.timestamp(nil), "timestamptz", nil),
            (.null, "int8", nil),
            (.boolArray([true, false]), "bool[]", "{t,f}"), (.int2Array([1, -2]), "int2[]", "{1,-2}"),
            (.int4Array([]), "int4[]", "{}"), (.optionalInt4Array([nil, 3]), "int4[]", "{NULL,3}"),
            (.int8Array([.min, 0, .max]), "int8[]", "{-9223372036854775808,0,9223372036854775807}"),
            (.optionalInt8Array([nil]), "int8[]", "{NULL}"), (.float8Array([0.5]), "float8[]", "{0.5}"),
            (.optionalFloat8Array([nil, 1]), "float8[]", "{NULL,1}"),
            (.textArray(["a,b", "", "\"", "NULL"]), "text[]", #"{"a,b","","\"","NULL"}"#),
            (.optionalTextArray([nil, "x"]), "text[]", "{NULL,x}"),
            (.byteaArray([[0, 1], []]), "bytea[]", #"{"\\x0001","\\x"}"#),
            (.optionalByteaArray([nil]), "bytea[]", "{NULL}"),
            (.uuidArray([WorkerID(high: 0, low: 1)]), "uuid[]", "{00000000-0000-0000-0000-000000000001}"),
            (.binary(HalfVector.encode([0.5, -2]), type: 0), "public.halfvec", "[0.5,-2]"),
            (.binary(Vector.encode([0.25, 1e6]), type: 0), "public.vector", "[0.25,1e+06]"),
        ] as [(PGValue, String, String?)]
    )
    func bound(value: PGValue, cast: String, expected: String?) async throws {
        #expect(try await text(value, as: cast) == expected)
    }

    @Test("what the server sends is read")
    func read() async throws {
        try await Server.withPool(size: 1) { pool in
            let statement = Statement(
                """
                SELECT true, (-7)::int2, 70000::int4, (2^40)::int8, 1.5::float8, 'é'::text, '\\x00ff'::bytea,
                    '01234567-89ab-cdef-fedc-ba9876543210'::uuid, '{"a":1}'::jsonb, '{"a" :1}'::json,
                    '1970-01-01 00:00:01.000002+00'::timestamptz, 'infinity'::timestamptz, ARRAY['x', ''], ARRAY[1, -1]::int8[],
                    '{}'::text[], NULL::int8, 'name'::name, '[0.5,-2]'::public.halfvec
                """
            ) { row throws(PostgresError) -> [String] in
                [
                    "\(try row.bool(0))", "\(try row.int16(1))", "\(try row.int32(2))", "\(try row.int64(3))",
                    "\(try row.float8(4))", try row.text(5), "\(try row.bytes(6))", "\(try row.uuid(7))",
                    try row.json(8),
                    try row.json(9), "\(try row.timestamp(10))", "\(try row.timestamp(11) == .max)",
                    "\(try row.textArray(12))", "\(try row.int64Array(13))", "\(try row.textArray(14))",
                    "\(row.isNull(15))",
                    "\(String(describing: try row.optionalInt64(15)))", try row.text(16),
                    "\(try HalfVector.decode(row.bytes(17)))", "\(String(describing: try row.optionalInt16(1)))",
                ]
            }
            let expected = [
                "true", "-7", "70000", "1099511627776", "1.5", "é", "[0, 255]", "01234567-89ab-cdef-fedc-ba9876543210",
                #"{"a": 1}"#, #"{"a" :1}"#, "1000002", "true", #"["x", ""]"#, "[1, -1]", "[]", "true", "nil", "name",
                "[0.5, -2.0]", "Optional(-7)",
            ]
            let rows = try await pool.query(statement)
            #expect(rows == [expected])
        }
    }

    @Test(
        "a column of another type, NULL or none at all is an error, never a wrong value",
        arguments: [
            "SELECT 1::int4", "SELECT 1.5::float8", "SELECT now()", "SELECT NULL::int8", "SELECT 'eight ch'::text",
            "SELECT 12345.678::numeric",
        ]
    )
    func mistaken(sql: String) async throws {
        try await Server.withPool(size: 1) { pool in
            #expect(await code { _ = try await pool.query(.int64(sql)) } == .undecodableColumn)
            let beyond = Statement(sql) { row throws(PostgresError) in try row.text(3) }
            #expect(await code { _ = try await pool.query(beyond) } == .undecodableColumn)
            let seven = try await pool.query(.int64("SELECT 7::int8"))
            #expect(seven == [7], "the connection is as good as before")
            #expect(pool.statistics.opened == 1)
        }
    }

    @Test(
        "numbers, texts and times that PostgreSQL cannot hold are refused before anything is sent",
        arguments: [
            .text("a\0b"), .optionalText("\0"), .jsonb("\"\0\""), .textArray(["ok", "\0"]), .int2(32_768),
            .int4(1 << 31),
            .int2Array([40_000]), .int4Array([-1 << 40]), .optionalInt4Array([1 << 40]), .timestamp(.max),
        ] as [PGValue]
    )
    func refused(value: PGValue) async throws {
        try await Server.withPool(size: 1) { pool in
            #expect(await code { try await pool.execute(Statement("SELECT $1", [value])) } == .invalidValue)
            let seven = try await pool.query(.int64("SELECT 7::int8"))
            #expect(seven == [7])
            #expect(pool.statistics.opened == 1)
        }
    }
}
