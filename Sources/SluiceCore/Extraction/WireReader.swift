/// Takes the wire format's fields out of a frame's body, checking each; `finish` checks that nothing is left.
struct WireReader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(WireViolation) -> Value {
        let size = Value.bitWidth / 8
        guard bytes.count - offset >= size else { throw WireViolation("a body ends inside a number") }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
        offset += size
        return Value(littleEndian: value)
    }

    /// An unsigned number as an `Int` of at most `limit`.
    mutating func count<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type,
        atMost limit: Int = .max
    ) throws(WireViolation) -> Int {
        guard let value = Int(exactly: try integer(type)), value <= limit else {
            throw WireViolation("a number is above its bound")
        }
        return value
    }

    mutating func text(limit: Int) throws(WireViolation) -> String {
        let length = Int(try integer(UInt16.self))
        guard length <= limit else { throw WireViolation("a text is longer than \(limit) bytes") }
        guard bytes.count - offset >= length else { throw WireViolation("a body ends inside a text") }
        let slice = bytes[offset..<offset + length]
        guard !slice.contains(0), let text = String(validating: slice, as: UTF8.self) else {
            throw WireViolation("a text is not UTF-8 without U+0000")
        }
        offset += length
        return text
    }

    mutating func optionalText(limit: Int) throws(WireViolation) -> String? {
        try isPresent() ? try text(limit: limit) : nil
    }

    mutating func optionalInteger() throws(WireViolation) -> Int64? {
        try isPresent() ? try integer(Int64.self) : nil
    }

    func finish() throws(WireViolation) {
        guard offset == bytes.count else { throw WireViolation("a body has \(bytes.count - offset) bytes too many") }
    }

    private mutating func isPresent() throws(WireViolation) -> Bool {
        switch try integer(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw WireViolation("a presence byte is neither 0 nor 1")
        }
    }
}
