/// pgvector's `halfvec` on the wire: int16 dimension, int16 0, then IEEE 754 binary16, big-endian.
///
/// As a parameter: `.binary(HalfVector.encode(values), type: 0)` with `$1::halfvec` in the statement, since the type's
/// object id differs from database to database. Source: halfvec_recv in pgvector's halfvec.c.
package enum HalfVector {
    /// - Parameter values: 1...16,000 finite values below 65,520 in magnitude; the server refuses others.
    package static func encode(_ values: some Collection<Float>) -> [UInt8] {
        var writer = WireWriter()
        writer.bytes.reserveCapacity(4 + values.count * 2)
        writer.int16(Int16(clamping: values.count))
        writer.int16(0)
        for value in values { writer.int16(Int16(bitPattern: Float16(value).bitPattern)) }
        return writer.bytes
    }

    package static func decode(_ bytes: [UInt8]) throws(PostgresError) -> [Float] {
        try VectorBytes.elements(bytes, width: 2).map { offset in
            Float(Float16(bitPattern: UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])))
        }
    }

    /// pgvector's text form, `[0.1,0.2]`.
    package static func text(_ values: some Collection<Float>) -> String {
        "[" + values.map { "\($0)" }.joined(separator: ",") + "]"
    }
}

/// pgvector's `vector` on the wire: int16 dimension, int16 0, then float4, big-endian.
///
/// Source: vector_recv in pgvector's vector.c.
package enum Vector {
    /// - Parameter values: 1...16,000 finite values; the server refuses others.
    package static func encode(_ values: some Collection<Float>) -> [UInt8] {
        var writer = WireWriter()
        writer.bytes.reserveCapacity(4 + values.count * 4)
        writer.int16(Int16(clamping: values.count))
        writer.int16(0)
        for value in values { writer.int32(Int32(bitPattern: value.bitPattern)) }
        return writer.bytes
    }

    package static func decode(_ bytes: [UInt8]) throws(PostgresError) -> [Float] {
        try VectorBytes.elements(bytes, width: 4).map { offset in
            Float(bitPattern: bytes[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        }
    }
}

private enum VectorBytes {
    /// Where each element starts.
    static func elements(_ bytes: [UInt8], width: Int) throws(PostgresError) -> StrideTo<Int> {
        guard bytes.count >= 4, bytes.count == 4 + (Int(bytes[0]) << 8 | Int(bytes[1])) * width else {
            throw PostgresError(.undecodableColumn, "a vector's size does not fit its dimension")
        }
        return stride(from: 4, to: bytes.count, by: width)
    }
}
