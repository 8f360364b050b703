/// Rows for COPY in binary format, kept in memory until they are sent, in pieces of about 1 MiB.
///
/// Source: "File Formats, Binary Format" in PostgreSQL's documentation of COPY.
package struct CopyRows: Sendable {
    private var pieces: [[UInt8]] = []
    private var current = WireWriter()
    package private(set) var count = 0
    private static let pieceBytes = 1 << 20

    package init() {
        current.bytes = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0]
        current.int32(0)
        current.int32(0)
    }

    /// Adds a row: one value a column, in the columns' order and of exactly their types; `int4` does not fit a bigint.
    ///
    /// Throws `invalidValue` for a value that PostgreSQL cannot hold; the row is then not added.
    package mutating func append(_ values: [PGValue]) throws(PostgresError) {
        let start = current.bytes.count
        do throws(PostgresError) {
            try current.int16(checking: values.count)
            for value in values {
                try current.field { writer throws(PostgresError) in try value.write(to: &writer) }
            }
        } catch {
            current.bytes.removeSubrange(start...)
            throw error
        }
        count += 1
        if current.bytes.count >= Self.pieceBytes {
            pieces.append(current.bytes)
            current.bytes = []
        }
    }

    func finished() -> [[UInt8]] {
        var last = current
        last.int16(-1)
        return pieces + [last.bytes]
    }
}
