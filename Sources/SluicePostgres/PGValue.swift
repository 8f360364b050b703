package import SluiceCore

/// A bound parameter. Values never become part of the statement's text.
///
/// Sent in PostgreSQL's binary format with its type. A nil element or `.null` is SQL's NULL. A number that does not fit its
/// type and text with U+0000 are refused with `invalidValue` before anything is sent.
package enum PGValue: Sendable {
    /// NULL of the type the statement wants; write `$1::type` where it cannot know.
    case null
    case text(String)
    case optionalText(String?)
    case jsonb(String)
    case bool(Bool)
    case int2(Int)
    case int4(Int)
    case optionalInt4(Int?)
    case int8(Int64)
    case optionalInt8(Int64?)
    case float8(Double)
    case optionalFloat8(Double?)
    case bytes([UInt8])
    case optionalBytes([UInt8]?)
    case uuid(WorkerID)
    case optionalUUID(WorkerID?)
    /// Seconds since 1970-01-01 UTC.
    case timestamp(Int64?)
    case boolArray([Bool])
    case int2Array([Int])
    case int4Array([Int])
    case optionalInt4Array([Int?])
    case int8Array([Int64])
    case optionalInt8Array([Int64?])
    case float8Array([Double])
    case optionalFloat8Array([Double?])
    case textArray([String])
    case optionalTextArray([String?])
    case byteaArray([[UInt8]])
    case optionalByteaArray([[UInt8]?])
    case uuidArray([WorkerID])
    /// Any type in its binary form, with its object id; 0 leaves the type to the server, as in `$1::halfvec`.
    case binary([UInt8], type: UInt32)
}

extension PGValue {
    /// The object id of the type; 0 leaves it to the server.
    var type: UInt32 {
        switch self {
        case .null: 0
        case .text, .optionalText: PGType.text
        case .jsonb: PGType.jsonb
        case .bool: PGType.bool
        case .int2: PGType.int2
        case .int4, .optionalInt4: PGType.int4
        case .int8, .optionalInt8: PGType.int8
        case .float8, .optionalFloat8: PGType.float8
        case .bytes, .optionalBytes: PGType.bytea
        case .uuid, .optionalUUID: PGType.uuid
        case .timestamp: PGType.timestamptz
        case .boolArray: PGType.boolArray
        case .int2Array: PGType.int2Array
        case .int4Array, .optionalInt4Array: PGType.int4Array
        case .int8Array, .optionalInt8Array: PGType.int8Array
        case .float8Array, .optionalFloat8Array: PGType.float8Array
        case .textArray, .optionalTextArray: PGType.textArray
        case .byteaArray, .optionalByteaArray: PGType.byteaArray
        case .uuidArray: PGType.uuidArray
        case .binary(_, let type): type
        }
    }

    /// Adds the binary form. False, and nothing added, for NULL.
    func write(to writer: inout WireWriter) throws(PostgresError) -> Bool {
        switch self {
        case .null, .optionalText(nil), .optionalInt4(nil), .optionalInt8(nil), .optionalFloat8(nil),
            .optionalBytes(nil), .optionalUUID(nil), .timestamp(nil):
            return false
        case .text(let value), .optionalText(let value?): try writer.text(value)
        case .jsonb(let value):
            writer.bytes.append(1)
            try writer.text(value)
        case .bool(let value): writer.bytes.append(value ? 1 : 0)
        case .int2(let value): try writer.int16(checking: value)
        case .int4(let value), .optionalInt4(let value?): try writer.int32(checking: value)
        case .int8(let value), .optionalInt8(let value?): writer.int64(value)
        case .float8(let value), .optionalFloat8(let value?): writer.int64(Int64(bitPattern: value.bitPattern))
        case .bytes(let value), .optionalBytes(let value?), .binary(let value, _):
            writer.bytes.append(contentsOf: value)
        case .uuid(let value), .optionalUUID(let value?): writer.uuid(value)
        case .timestamp(let seconds?):
            let (micros, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
            let (sinceEpoch, underflow) = micros.subtractingReportingOverflow(postgresEpochMicroseconds)
            if overflow || underflow {
                throw PostgresError(.invalidValue, "a bound point in time is outside PostgreSQL's range")
            }
            writer.int64(sinceEpoch)
        default: try writeArray(to: &writer)
        }
        return true
    }

    private func writeArray(to writer: inout WireWriter) throws(PostgresError) {
        switch self {
        case .boolArray(let values):
            try writer.array(values, of: PGType.bool) { writer, value in
                writer.bytes.append(value ? 1 : 0)
                return true
            }
        case .int2Array(let values):
            try writer.array(values, of: PGType.int2) { writer, value throws(PostgresError) in
                try writer.int16(checking: value)
                return true
            }
        case .int4Array(let values):
            try writer.array(values, of: PGType.int4) { writer, value throws(PostgresError) in
                try writer.int32(checking: value)
                return true
            }
        case .optionalInt4Array(let values):
            try writer.array(values, of: PGType.int4) { writer, value throws(PostgresError) in
                try value.map { value throws(PostgresError) in try writer.int32(checking: value) } != nil
            }
        case .int8Array(let values):
            try writer.array(values, of: PGType.int8) { writer, value in
                writer.int64(value)
                return true
            }
        case .optionalInt8Array(let values):
            try writer.array(values, of: PGType.int8) { writer, value in value.map { writer.int64($0) } != nil }
        case .float8Array(let values):
            try writer.array(values, of: PGType.float8) { writer, value in
                writer.int64(Int64(bitPattern: value.bitPattern))
                return true
            }
        case .optionalFloat8Array(let values):
            try writer.array(values, of: PGType.float8) { writer, value in
                value.map { writer.int64(Int64(bitPattern: $0.bitPattern)) } != nil
            }
        case .textArray(let values):
            try writer.array(values, of: PGType.text) { writer, value throws(PostgresError) in
                try writer.text(value)
                return true
            }
        case .optionalTextArray(let values):
            try writer.array(values, of: PGType.text) { writer, value throws(PostgresError) in
                try value.map { value throws(PostgresError) in try writer.text(value) } != nil
            }
        case .byteaArray(let values):
            try writer.array(values, of: PGType.bytea) { writer, value in
                writer.bytes.append(contentsOf: value)
                return true
            }
        case .optionalByteaArray(let values):
            try writer.array(values, of: PGType.bytea) { writer, value in
                value.map { writer.bytes.append(contentsOf: $0) } != nil
            }
        case .uuidArray(let values):
            try writer.array(values, of: PGType.uuid) { writer, value in
                writer.uuid(value)
                return true
            }
        default: preconditionFailure("not an array")
        }
    }
}

extension WireWriter {
    fileprivate mutating func uuid(_ value: WorkerID) {
        int64(Int64(bitPattern: value.high))
        int64(Int64(bitPattern: value.low))
    }
}
