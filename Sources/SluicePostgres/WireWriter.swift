/// Big-endian bytes, as the protocol wants them.
struct WireWriter {
    var bytes: [UInt8] = []

    mutating func int16(_ value: Int16) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    mutating func int32(_ value: Int32) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    mutating func int64(_ value: Int64) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }

    mutating func int16(checking value: Int) throws(PostgresError) {
        guard let narrow = Int16(exactly: value) else { throw Self.outOfRange("int2") }
        int16(narrow)
    }

    mutating func int32(checking value: Int) throws(PostgresError) {
        guard let narrow = Int32(exactly: value) else { throw Self.outOfRange("int4") }
        int32(narrow)
    }

    /// UTF-8 without U+0000, which PostgreSQL's text cannot hold.
    mutating func text(_ value: String) throws(PostgresError) {
        let start = bytes.count
        bytes.append(contentsOf: value.utf8)
        if bytes[start...].contains(0) {
            throw PostgresError(.invalidValue, "text contains U+0000, which PostgreSQL cannot store; remove it")
        }
    }

    /// The length in 4 bytes, then what `write` adds; -1 and nothing where it says that there is no value.
    mutating func field(
        _ write: (inout WireWriter) throws(PostgresError) -> Bool
    ) throws(PostgresError) {
        let start = bytes.count
        int32(-1)
        guard try write(&self) else { return }
        guard let length = Int32(exactly: bytes.count - start - 4) else { throw Self.outOfRange("value of 2 GiB") }
        withUnsafeBytes(of: length.bigEndian) { big in
            for index in 0..<4 { bytes[start + index] = big[index] }
        }
    }

    /// One dimension, lower bound 1; `write` gives false for a NULL. Source: array_recv in PostgreSQL's arrayfuncs.c.
    mutating func array<Element>(
        _ values: [Element],
        of type: UInt32,
        _ write: (inout WireWriter, Element) throws(PostgresError) -> Bool
    ) throws(PostgresError) {
        bytes.reserveCapacity(bytes.count + 20 + values.count * 12)
        int32(values.isEmpty ? 0 : 1)
        int32(1)
        int32(Int32(bitPattern: type))
        if values.isEmpty { return }
        try int32(checking: values.count)
        int32(1)
        for value in values {
            try field { writer throws(PostgresError) in try write(&writer, value) }
        }
    }

    private static func outOfRange(_ what: StaticString) -> PostgresError {
        PostgresError(.invalidValue, "a bound number or length does not fit into \(what)")
    }
}
