internal import CLibPQ
package import SluiceCore

/// One row of a reply in binary format. Valid only inside the closure that decodes it: never store it.
package struct PGRow {
    private let reply: OpaquePointer
    private let row: Int32

    init(reply: OpaquePointer, row: Int32) {
        self.reply = reply
        self.row = row
    }

    package func isNull(_ column: Int) -> Bool { PQgetisnull(reply, row, Int32(column)) == 1 }

    private func pointer(_ column: Int, bytes: Int, _ what: StaticString) throws(PostgresError) -> UnsafeRawPointer {
        guard !isNull(column), Int(PQgetlength(reply, row, Int32(column))) == bytes,
            let value = PQgetvalue(reply, row, Int32(column))
        else { throw PostgresError(.undecodableColumn, "column \(column): expected \(what)") }
        return UnsafeRawPointer(value)
    }

    package func bool(_ column: Int) throws(PostgresError) -> Bool {
        try pointer(column, bytes: 1, "bool").load(as: UInt8.self) != 0
    }

    package func int16(_ column: Int) throws(PostgresError) -> Int {
        Int(Int16(bigEndian: try pointer(column, bytes: 2, "int2").loadUnaligned(as: Int16.self)))
    }

    package func int32(_ column: Int) throws(PostgresError) -> Int {
        Int(Int32(bigEndian: try pointer(column, bytes: 4, "int4").loadUnaligned(as: Int32.self)))
    }

    package func int64(_ column: Int) throws(PostgresError) -> Int64 {
        Int64(bigEndian: try pointer(column, bytes: 8, "int8").loadUnaligned(as: Int64.self))
    }

    package func float8(_ column: Int) throws(PostgresError) -> Double {
        Double(bitPattern: UInt64(bitPattern: try int64(column)))
    }

    /// Microseconds since 1970-01-01 UTC.
    package func timestamp(_ column: Int) throws(PostgresError) -> Int64 {
        let (value, overflow) = try int64(column).addingReportingOverflow(postgresEpochMicroseconds)
        return overflow ? (value < 0 ? Int64.max : Int64.min) : value
    }

    package func uuid(_ column: Int) throws(PostgresError) -> WorkerID {
        guard let id = WorkerID(bytes: try bytes(column)) else {
            throw PostgresError(.undecodableColumn, "column \(column): expected uuid")
        }
        return id
    }

    package func bytes(_ column: Int) throws(PostgresError) -> [UInt8] {
        guard !isNull(column), let value = PQgetvalue(reply, row, Int32(column)) else {
            throw PostgresError(.undecodableColumn, "column \(column): NULL where a value was expected")
        }
        let count = Int(PQgetlength(reply, row, Int32(column)))
        return Array(UnsafeRawBufferPointer(start: value, count: count))
    }

    /// text, varchar, json: UTF-8 as the server sends it. jsonb comes with a version byte, see `json`.
    package func text(_ column: Int) throws(PostgresError) -> String {
        guard !isNull(column), let value = PQgetvalue(reply, row, Int32(column)) else {
            throw PostgresError(.undecodableColumn, "column \(column): NULL where text was expected")
        }
        let count = Int(PQgetlength(reply, row, Int32(column)))
        return String(decoding: UnsafeRawBufferPointer(start: value, count: count), as: UTF8.self)
    }

    /// jsonb as text.
    package func json(_ column: Int) throws(PostgresError) -> String {
        let all = try bytes(column)
        guard all.first == 1 else { throw PostgresError(.undecodableColumn, "column \(column): expected jsonb") }
        return String(decoding: all.dropFirst(), as: UTF8.self)
    }

    package func optionalText(_ column: Int) throws(PostgresError) -> String? { isNull(column) ? nil : try text(column) }
    package func optionalInt32(_ column: Int) throws(PostgresError) -> Int? { isNull(column) ? nil : try int32(column) }
    package func optionalInt64(_ column: Int) throws(PostgresError) -> Int64? { isNull(column) ? nil : try int64(column) }
    package func optionalFloat8(_ column: Int) throws(PostgresError) -> Double? { isNull(column) ? nil : try float8(column) }
    package func optionalTimestamp(_ column: Int) throws(PostgresError) -> Int64? {
        isNull(column) ? nil : try timestamp(column)
    }
    package func optionalUUID(_ column: Int) throws(PostgresError) -> WorkerID? { isNull(column) ? nil : try uuid(column) }
    package func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? { isNull(column) ? nil : try bytes(column) }

    /// A one-dimensional text[] without NULLs.
    package func textArray(_ column: Int) throws(PostgresError) -> [String] {
        try elements(column).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A one-dimensional int8[] without NULLs.
    package func int64Array(_ column: Int) throws(PostgresError) -> [Int64] {
        try elements(column).map { $0.reduce(Int64(0)) { $0 << 8 | Int64($1) } }
    }

    private func elements(_ column: Int) throws(PostgresError) -> [ArraySlice<UInt8>] {
        let all = try bytes(column)
        let broken = PostgresError(.undecodableColumn, "column \(column): expected a one-dimensional array without NULL")
        func int32(at offset: Int) throws(PostgresError) -> Int {
            guard offset + 4 <= all.count else { throw broken }
            return Int(Int32(bitPattern: all[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }))
        }
        let dimensions = try int32(at: 0)
        if dimensions == 0 { return [] }
        guard dimensions == 1 else { throw broken }
        let count = try int32(at: 12)
        var result: [ArraySlice<UInt8>] = []
        result.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            let length = try int32(at: offset)
            offset += 4
            guard length >= 0, offset + length <= all.count else { throw broken }
            result.append(all[offset..<offset + length])
            offset += length
        }
        return result
    }
}
