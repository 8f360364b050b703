extension TimeZoneRules {
    /// Reads a TZif file of version 2 or later. Source: RFC 9636.
    ///
    /// Throws for what is not one, is cut off or contradicts itself, and for files that count leap seconds (`right/…`), since
    /// the database's clock does not.
    package init(name: String, tzif bytes: [UInt8]) throws(ScheduleSyntaxError) {
        var reader = TZifReader(bytes: bytes, name: name)
        let old = try reader.header()
        guard old.version >= UInt8(ascii: "2") else { throw reader.error("is of version 1, which ends in 2038") }
        try reader.skip(old.length(timeSize: 4))
        let header = try reader.header()
        guard header.leaps == 0 else { throw reader.error("counts leap seconds") }
        guard header.types > 0 else { throw reader.error("has no types") }

        var moments: [Int64] = []
        moments.reserveCapacity(header.times)
        for _ in 0..<header.times { moments.append(try reader.integer(bytes: 8)) }
        var indexes: [Int] = []
        for _ in 0..<header.times { indexes.append(Int(try reader.byte())) }
        var offsets: [Int] = []
        for _ in 0..<header.types {
            offsets.append(Int(try reader.integer(bytes: 4)))
            try reader.skip(2)
        }
        try reader.skip(header.characters + header.standards + header.universals)

        guard zip(moments, moments.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw reader.error("has times that fall")
        }
        guard indexes.allSatisfy({ $0 < offsets.count }), offsets.allSatisfy({ abs($0) <= 26 * 3_600 }) else {
            throw reader.error("has an offset that cannot be")
        }
        let text = try reader.footer()
        let footer = text.isEmpty ? nil : PosixTimeZone(text)
        guard text.isEmpty || footer != nil else { throw reader.error("ends in a rule that cannot be read") }
        self.init(
            name: name,
            initialOffset: offsets[0],
            changes: zip(moments, indexes).map { (at: $0, offset: offsets[$1]) },
            footer: footer
        )
    }
}

private struct TZifHeader {
    let version: UInt8
    let universals: Int
    let standards: Int
    let leaps: Int
    let times: Int
    let types: Int
    let characters: Int

    /// Bytes of the block that follows.
    func length(timeSize: Int) -> Int {
        times * (timeSize + 1) + types * 6 + characters + leaps * (timeSize + 4) + standards + universals
    }
}

private struct TZifReader {
    let bytes: [UInt8]
    let name: String
    private var position = 0

    init(bytes: [UInt8], name: String) {
        self.bytes = bytes
        self.name = name
    }

    func error(_ what: String) -> ScheduleSyntaxError {
        ScheduleSyntaxError("the file of the time zone '\(name)' \(what); reinstall tzdata")
    }

    mutating func skip(_ count: Int) throws(ScheduleSyntaxError) {
        guard count <= bytes.count - position else { throw error("is cut off") }
        position += count
    }

    mutating func byte() throws(ScheduleSyntaxError) -> UInt8 {
        try skip(1)
        return bytes[position - 1]
    }

    /// A signed big-endian number.
    mutating func integer(bytes count: Int) throws(ScheduleSyntaxError) -> Int64 {
        try skip(count)
        var value: Int64 = bytes[position - count] >= 0x80 ? -1 : 0
        for byte in bytes[position - count..<position] { value = value << 8 | Int64(byte) }
        return value
    }

    mutating func header() throws(ScheduleSyntaxError) -> TZifHeader {
        let start = position
        try skip(20)
        guard Array(bytes[start..<start + 4]) == Array("TZif".utf8) else { throw error("is not a TZif file") }
        var counts: [Int] = []
        for _ in 0..<6 {
            let count = try integer(bytes: 4)
            guard (0...100_000).contains(count) else { throw error("has counts that cannot be") }
            counts.append(Int(count))
        }
        return TZifHeader(
            version: bytes[start + 4],
            universals: counts[0],
            standards: counts[1],
            leaps: counts[2],
            times: counts[3],
            types: counts[4],
            characters: counts[5]
        )
    }

    /// The text between the two line breaks at the end.
    mutating func footer() throws(ScheduleSyntaxError) -> String {
        guard try byte() == UInt8(ascii: "\n") else { throw error("has no rule for the future") }
        let text = bytes[position...].prefix { $0 != UInt8(ascii: "\n") }
        guard text.endIndex < bytes.count else { throw error("is cut off") }
        return String(decoding: text, as: UTF8.self)
    }
}
