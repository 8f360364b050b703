/// Object ids of PostgreSQL's own types. Source: pg_type.dat.
enum PGType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let timestamp: UInt32 = 1114
    static let timestamptz: UInt32 = 1184
    static let uuid: UInt32 = 2950
    static let json: UInt32 = 114
    static let jsonb: UInt32 = 3802
    static let numeric: UInt32 = 1700
    static let boolArray: UInt32 = 1000
    static let byteaArray: UInt32 = 1001
    static let int2Array: UInt32 = 1005
    static let int4Array: UInt32 = 1007
    static let textArray: UInt32 = 1009
    static let varcharArray: UInt32 = 1015
    static let nameArray: UInt32 = 1003
    static let int8Array: UInt32 = 1016
    static let float8Array: UInt32 = 1022
    static let uuidArray: UInt32 = 2951

    /// Types whose binary form is no text, so that reading them as text would give nonsense instead of an error.
    static func isNotText(_ type: UInt32) -> Bool {
        switch type {
        case bool, bytea, int8, int2, int4, oid, float4, float8, timestamp, timestamptz, uuid, jsonb, numeric,
            boolArray,
            byteaArray, int2Array, int4Array, textArray, varcharArray, nameArray, int8Array, float8Array, uuidArray:
            true
        default: false
        }
    }
}

/// Microseconds between 1970-01-01 and PostgreSQL's epoch, 2000-01-01.
let postgresEpochMicroseconds: Int64 = 946_684_800_000_000
