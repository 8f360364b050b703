/// pgvector's `halfvec` on the wire: int16 dimension, int16 0, then IEEE 754 binary16, big-endian.
///
/// Source: halfvec_recv in pgvector's halfvec.c.
package enum HalfVector {
    package static func encode(_ values: some Collection<Float>) -> [UInt8] {
        var writer = WireWriter()
        writer.bytes.reserveCapacity(4 + values.count * 2)
        writer.int16(Int16(values.count))
        writer.int16(0)
        for value in values { writer.int16(Int16(bitPattern: Float16(value).bitPattern)) }
        return writer.bytes
    }

    package static func decode(_ bytes: [UInt8]) throws(PostgresError) -> [Float] {
        guard bytes.count >= 4 else { throw PostgresError(.undecodableColumn, "halfvec too short") }
        let dimension = Int(bytes[0]) << 8 | Int(bytes[1])
        guard bytes.count == 4 + dimension * 2 else { throw PostgresError(.undecodableColumn, "halfvec of odd size") }
        return (0..<dimension).map { index in
            Float(Float16(bitPattern: UInt16(bytes[4 + index * 2]) << 8 | UInt16(bytes[5 + index * 2])))
        }
    }

    /// pgvector's text form, `[0.1,0.2]`: for parameters, whose type's object id differs from database to database.
    package static func text(_ values: some Collection<Float>) -> String {
        "[" + values.map { "\($0)" }.joined(separator: ",") + "]"
    }
}
