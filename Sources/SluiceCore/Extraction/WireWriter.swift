/// Appends the wire format's fields to a frame's body.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Length (u16) and UTF-8, cut at a scalar's border to at most `limit` bytes.
    mutating func append(_ text: String, limit: Int) {
        let cut = text.prefix(utf8Bytes: limit)
        append(UInt16(cut.utf8.count))
        bytes.append(contentsOf: cut.utf8)
    }

    /// A byte that says whether a value follows, and the value.
    mutating func append(_ text: String?, limit: Int) {
        append(UInt8(text == nil ? 0 : 1))
        if let text { append(text, limit: limit) }
    }

    mutating func append(_ value: Int64?) {
        append(UInt8(value == nil ? 0 : 1))
        if let value { append(value) }
    }
}

extension String {
    /// As many whole Unicode scalars from the start as fit into `limit` bytes of UTF-8.
    package func prefix(utf8Bytes limit: Int) -> Substring {
        guard utf8.count > limit else { return self[...] }
        var end = utf8.index(utf8.startIndex, offsetBy: max(0, limit))
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return self[..<end]
    }
}
