/// Rows for COPY in binary format.
///
/// Source: "File Formats, Binary Format" in PostgreSQL's documentation of COPY.
package struct CopyRows: Sendable {
    private var chunks: [[UInt8]] = []
    private var current = WireWriter()
    package private(set) var count = 0
    private static let chunkBytes = 1 << 20

    package init() {
        current.bytes = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0]
        current.int32(0)
        current.int32(0)
    }

    /// Adds a row: one value a column, in the columns' order and of exactly their types.
    package mutating func append(_ values: [PGValue]) throws(PostgresError) {
        current.int16(Int16(values.count))
        for value in values {
            if let encoded = try value.encoded() { current.field(encoded) } else { current.int32(-1) }
        }
        count += 1
        if current.bytes.count >= Self.chunkBytes {
            chunks.append(current.bytes)
            current.bytes.removeAll(keepingCapacity: true)
        }
    }

    func finished() -> [[UInt8]] {
        var last = current
        last.int16(-1)
        return chunks + [last.bytes]
    }
}
