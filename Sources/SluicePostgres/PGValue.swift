package import SluiceCore

/// A bound parameter. Values never become part of the statement's text.
///
/// Sent in PostgreSQL's binary format with its type, except text and JSON, which are sent as they are. A nil element or
/// `.null` is SQL's NULL.
package enum PGValue: Sendable {
    case null
    case text(String)
    case optionalText(String?)
    case jsonb(String)
    case bool(Bool)
    case int2(Int)
    case int4(Int)
    case int8(Int64)
    case optionalInt8(Int64?)
    case optionalInt4(Int?)
    case float8(Double)
    case bytes([UInt8])
    case uuid(WorkerID)
    /// Seconds since 1970-01-01 UTC.
    case timestamp(Int64?)
    case textArray([String])
    case optionalTextArray([String?])
    case boolArray([Bool])
    case int2Array([Int])
    case int4Array([Int])
    case optionalInt4Array([Int?])
    case int8Array([Int64])
    case optionalInt8Array([Int64?])
    case float8Array([Double])
    case byteaArray([[UInt8]])
    /// Any type in its binary form, with its object id; 0 leaves the type to the server.
    case binary([UInt8], type: UInt32)
}

/// Object ids of PostgreSQL's own types. Source: pg_type.dat.
package enum PGType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let float8: UInt32 = 701
    static let timestamptz: UInt32 = 1184
    static let uuid: UInt32 = 2950
    static let jsonb: UInt32 = 3802
    static let boolArray: UInt32 = 1000
    static let byteaArray: UInt32 = 1001
    static let int2Array: UInt32 = 1005
    static let int4Array: UInt32 = 1007
    static let textArray: UInt32 = 1009
    static let int8Array: UInt32 = 1016
    static let float8Array: UInt32 = 1022
}

/// Microseconds between 1970-01-01 and PostgreSQL's epoch, 2000-01-01.
let postgresEpochMicroseconds: Int64 = 946_684_800_000_000

extension PGValue {
    var type: UInt32 {
        switch self {
        case .null: 0
        case .text, .optionalText: PGType.text
        case .jsonb: PGType.jsonb
        case .bool: PGType.bool
        case .int2: PGType.int2
        case .int4, .optionalInt4: PGType.int4
        case .int8, .optionalInt8: PGType.int8
        case .float8: PGType.float8
        case .bytes: PGType.bytea
        case .uuid: PGType.uuid
        case .timestamp: PGType.timestamptz
        case .textArray, .optionalTextArray: PGType.textArray
        case .boolArray: PGType.boolArray
        case .int2Array: PGType.int2Array
        case .int4Array, .optionalInt4Array: PGType.int4Array
        case .int8Array, .optionalInt8Array: PGType.int8Array
        case .float8Array: PGType.float8Array
        case .byteaArray: PGType.byteaArray
        case .binary(_, let type): type
        }
    }

    /// The binary form; nil for NULL. Throws for text that PostgreSQL cannot hold.
    func encoded() throws(PostgresError) -> [UInt8]? {
        var writer = WireWriter()
        switch self {
        case .null: return nil
        case .text(let value): return try Self.checked(value)
        case .optionalText(let value):
            guard let value else { return nil }
            return try Self.checked(value)
        case .jsonb(let value): return [1] + (try Self.checked(value))
        case .bool(let value): return [value ? 1 : 0]
        case .int2(let value): writer.int16(Int16(clamping: value))
        case .int4(let value): writer.int32(Int32(clamping: value))
        case .optionalInt4(let value):
            guard let value else { return nil }
            writer.int32(Int32(clamping: value))
        case .int8(let value): writer.int64(value)
        case .optionalInt8(let value):
            guard let value else { return nil }
            writer.int64(value)
        case .float8(let value): writer.int64(Int64(bitPattern: value.bitPattern))
        case .bytes(let value): return value
        case .uuid(let value): return value.bytes
        case .timestamp(let seconds):
            guard let seconds else { return nil }
            writer.int64(seconds * 1_000_000 - postgresEpochMicroseconds)
        case .textArray(let values):
            try writer.array(values, PGType.text) { writer, value throws(PostgresError) in
                writer.field(try Self.checked(value))
            }
        case .optionalTextArray(let values):
            try writer.array(values, PGType.text) { writer, value throws(PostgresError) in
                if let value { writer.field(try Self.checked(value)) } else { writer.int32(-1) }
            }
        case .boolArray(let values): try writer.array(values, PGType.bool) { $0.field([$1 ? 1 : 0]) }
        case .int2Array(let values):
            try writer.array(values, PGType.int2) { writer, value in
                writer.int32(2)
                writer.int16(Int16(clamping: value))
            }
        case .int4Array(let values):
            try writer.array(values, PGType.int4) { writer, value in
                writer.int32(4)
                writer.int32(Int32(clamping: value))
            }
        case .optionalInt4Array(let values):
            try writer.array(values, PGType.int4) { writer, value in
                guard let value else { return writer.int32(-1) }
                writer.int32(4)
                writer.int32(Int32(clamping: value))
            }
        case .int8Array(let values):
            try writer.array(values, PGType.int8) { writer, value in
                writer.int32(8)
                writer.int64(value)
            }
        case .optionalInt8Array(let values):
            try writer.array(values, PGType.int8) { writer, value in
                guard let value else { return writer.int32(-1) }
                writer.int32(8)
                writer.int64(value)
            }
        case .float8Array(let values):
            try writer.array(values, PGType.float8) { writer, value in
                writer.int32(8)
                writer.int64(Int64(bitPattern: value.bitPattern))
            }
        case .byteaArray(let values): try writer.array(values, PGType.bytea) { $0.field($1) }
        case .binary(let value, _): return value
        }
        return writer.bytes
    }

    /// UTF-8 without U+0000, which PostgreSQL's text cannot hold.
    static func checked(_ text: String) throws(PostgresError) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.contains(0) { throw PostgresError(.invalidValue, "text contains U+0000") }
        return bytes
    }
}

/// Big-endian bytes, as the protocol wants them.
struct WireWriter {
    var bytes: [UInt8] = []

    mutating func int16(_ value: Int16) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    mutating func int32(_ value: Int32) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    mutating func int64(_ value: Int64) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }

    /// A length and the bytes.
    mutating func field(_ value: [UInt8]) {
        int32(Int32(value.count))
        bytes.append(contentsOf: value)
    }

    /// One dimension, lower bound 1. Source: array_recv in PostgreSQL's arrayfuncs.c.
    mutating func array<Element>(
        _ values: [Element],
        _ type: UInt32,
        _ write: (inout WireWriter, Element) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        bytes.reserveCapacity(20 + values.count * 12)
        int32(values.isEmpty ? 0 : 1)
        int32(0)
        int32(Int32(bitPattern: type))
        if values.isEmpty { return }
        int32(Int32(values.count))
        int32(1)
        for value in values { try write(&self, value) }
    }
}
