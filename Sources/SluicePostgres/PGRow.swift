internal import CLibPQ
package import SluiceCore

/// One row of a reply in binary format. Valid only inside the closure that decodes it: never store it.
///
/// Columns count from 0. Every reader checks the column's type and throws `undecodableColumn` for another type, for NULL
/// (the `optional…` forms give nil) and for a column that is not there.
package struct PGRow {
    private let reply: OpaquePointer
    private let row: Int32

    init(reply: OpaquePointer, row: Int32) {
        self.reply = reply
        self.row = row
    }

    package func isNull(_ column: Int) -> Bool { PQgetisnull(reply, row, Int32(column)) == 1 }

    package func bool(_ column: Int) throws(PostgresError) -> Bool {
        try fixed(column, PGType.bool, as: UInt8.self, "bool") != 0
    }

    package func int16(_ column: Int) throws(PostgresError) -> Int {
        Int(Int16(bigEndian: try fixed(column, PGType.int2, as: Int16.self, "int2")))
    }

    package func int32(_ column: Int) throws(PostgresError) -> Int {
        Int(Int32(bigEndian: try fixed(column, PGType.int4, as: Int32.self, "int4")))
    }

    package func int64(_ column: Int) throws(PostgresError) -> Int64 {
        Int64(bigEndian: try fixed(column, PGType.int8, as: Int64.self, "int8"))
    }

    package func float8(_ column: Int) throws(PostgresError) -> Double {
        Double(bitPattern: UInt64(bigEndian: try fixed(column, PGType.float8, as: UInt64.self, "float8")))
    }

    /// A timestamptz in microseconds since 1970-01-01 UTC; `infinity` is `Int64.max`, `-infinity` is `Int64.min`.
    package func timestamp(_ column: Int) throws(PostgresError) -> Int64 {
        let value = Int64(bigEndian: try fixed(column, PGType.timestamptz, as: Int64.self, "timestamptz"))
        if value == .max || value == .min { return value }
        let (micros, overflow) = value.addingReportingOverflow(postgresEpochMicroseconds)
        return overflow ? .max : micros
    }

    package func uuid(_ column: Int) throws(PostgresError) -> WorkerID {
        guard type(column) == PGType.uuid, let id = WorkerID(bytes: try raw(column, "uuid")) else {
            throw undecodable(column, "uuid")
        }
        return id
    }

    /// A bytea, or any other type's binary form: halfvec, vector.
    package func bytes(_ column: Int) throws(PostgresError) -> [UInt8] { Array(try raw(column, "bytea")) }

    /// text, varchar, name, json, enums.
    package func text(_ column: Int) throws(PostgresError) -> String {
        if PGType.isNotText(type(column)) { throw undecodable(column, "text") }
        return try Self.string(try raw(column, "text"), column)
    }

    /// jsonb or json as text.
    package func json(_ column: Int) throws(PostgresError) -> String {
        let all = try raw(column, "jsonb")
        guard type(column) == PGType.jsonb else { return try text(column) }
        // Source: jsonb_send: a version byte, then text.
        guard all.first == 1 else { throw undecodable(column, "jsonb of version 1") }
        return try Self.string(UnsafeRawBufferPointer(rebasing: all.dropFirst()), column)
    }

    /// A one-dimensional text[] or name[] without NULLs.
    package func textArray(_ column: Int) throws(PostgresError) -> [String] {
        var result: [String] = []
        try elements(column, of: [PGType.textArray, PGType.varcharArray, PGType.nameArray], "text[]") {
            element throws(PostgresError) in
            result.append(try Self.string(element, column))
        }
        return result
    }

    /// A one-dimensional int8[] without NULLs.
    package func int64Array(_ column: Int) throws(PostgresError) -> [Int64] {
        var result: [Int64] = []
        try elements(column, of: [PGType.int8Array], "int8[]") { element throws(PostgresError) in
            guard element.count == 8 else { throw undecodable(column, "int8[]") }
            result.append(Int64(bigEndian: element.loadUnaligned(as: Int64.self)))
        }
        return result
    }

    package func optionalBool(_ column: Int) throws(PostgresError) -> Bool? { isNull(column) ? nil : try bool(column) }
    package func optionalText(_ column: Int) throws(PostgresError) -> String? {
        isNull(column) ? nil : try text(column)
    }
    package func optionalJSON(_ column: Int) throws(PostgresError) -> String? {
        isNull(column) ? nil : try json(column)
    }
    package func optionalInt16(_ column: Int) throws(PostgresError) -> Int? { isNull(column) ? nil : try int16(column) }
    package func optionalInt32(_ column: Int) throws(PostgresError) -> Int? { isNull(column) ? nil : try int32(column) }
    package func optionalInt64(_ column: Int) throws(PostgresError) -> Int64? {
        isNull(column) ? nil : try int64(column)
    }
    package func optionalFloat8(_ column: Int) throws(PostgresError) -> Double? {
        isNull(column) ? nil : try float8(column)
    }
    package func optionalTimestamp(_ column: Int) throws(PostgresError) -> Int64? {
        isNull(column) ? nil : try timestamp(column)
    }
    package func optionalUUID(_ column: Int) throws(PostgresError) -> WorkerID? {
        isNull(column) ? nil : try uuid(column)
    }
    package func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? {
        isNull(column) ? nil : try bytes(column)
    }

    // MARK: -

    private func type(_ column: Int) -> UInt32 { PQftype(reply, Int32(column)) }

    private func raw(_ column: Int, _ expected: StaticString) throws(PostgresError) -> UnsafeRawBufferPointer {
        guard !isNull(column), let value = PQgetvalue(reply, row, Int32(column)) else {
            throw undecodable(column, expected)
        }
        return UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(reply, row, Int32(column))))
    }

    private func fixed<Value: BitwiseCopyable>(
        _ column: Int,
        _ type: UInt32,
        as: Value.Type,
        _ expected: StaticString
    ) throws(PostgresError) -> Value {
        let bytes = try raw(column, expected)
        guard self.type(column) == type, bytes.count == MemoryLayout<Value>.size else {
            throw undecodable(column, expected)
        }
        return bytes.loadUnaligned(as: Value.self)
    }

    /// Source: array_send in PostgreSQL's arrayfuncs.c.
    private func elements(
        _ column: Int,
        of types: [UInt32],
        _ expected: StaticString,
        _ take: (UnsafeRawBufferPointer) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        let all = try raw(column, expected)
        var offset = 0
        func int32() throws(PostgresError) -> Int {
            guard offset + 4 <= all.count else { throw undecodable(column, expected) }
            defer { offset += 4 }
            return Int(Int32(bigEndian: all.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        }
        guard types.contains(type(column)) else { throw undecodable(column, expected) }
        let dimensions = try int32()
        if dimensions == 0 { return }
        guard dimensions == 1 else { throw undecodable(column, "an array of one dimension") }
        offset = 12
        let count = try int32()
        offset = 20
        for _ in 0..<max(0, count) {
            let length = try int32()
            guard length >= 0, offset + length <= all.count else { throw undecodable(column, "an array without NULL") }
            try take(UnsafeRawBufferPointer(rebasing: all[offset..<offset + length]))
            offset += length
        }
    }

    private func undecodable(_ column: Int, _ expected: StaticString) -> PostgresError {
        let found = isNull(column) ? "NULL or no such column" : "type \(type(column))"
        return PostgresError(.undecodableColumn, "column \(column): expected \(expected), found \(found)")
    }

    private static func string(_ bytes: UnsafeRawBufferPointer, _ column: Int) throws(PostgresError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw PostgresError(.undecodableColumn, "column \(column): not UTF-8")
        }
        return text
    }
}
