/// How a text file's bytes are to be read, found from the bytes alone.
package enum TextEncoding: Hashable, Sendable {
    case utf8
    case utf16(bigEndian: Bool)
    case utf32(bigEndian: Bool)
    /// Windows' superset of Latin-1, which is what files that call themselves Latin-1 use.
    case windows1252

    /// Bytes that are looked at where a look at all of them brings no more.
    private static let sample = 64 << 10

    /// - Returns: the encoding and the length of the byte order mark; nil when the bytes are no text.
    package static func detect(_ bytes: UnsafeRawBufferPointer) -> (encoding: TextEncoding, markLength: Int)? {
        let head = Array(bytes.prefix(4))
        if head.starts(with: [0xEF, 0xBB, 0xBF]) { return (.utf8, 3) }
        if head == [0xFF, 0xFE, 0, 0] { return (.utf32(bigEndian: false), 4) }
        if head == [0, 0, 0xFE, 0xFF] { return (.utf32(bigEndian: true), 4) }
        if head.starts(with: [0xFF, 0xFE]) { return (.utf16(bigEndian: false), 2) }
        if head.starts(with: [0xFE, 0xFF]) { return (.utf16(bigEndian: true), 2) }
        let tally = ByteTally(bytes.prefix(sample))
        if let bigEndian = tally.utf16ByteOrder { return (.utf16(bigEndian: bigEndian), 0) }
        guard !tally.looksBinary else { return nil }
        return (isMostlyUTF8(bytes) ? .utf8 : .windows1252, 0)
    }

    /// True for UTF-8, also with a few broken places: those are worth less than the rest.
    private static func isMostlyUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var decoder = UTF8()
        var good = 0
        var broken = 0
        var iterator = bytes.makeIterator()
        decoding: while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): if scalar.value >= 0x80 { good += 1 }
            case .error: broken += 1
            case .emptyInput: break decoding
            }
            if good + broken > 100_000 { break }
        }
        return broken == 0 || broken * 20 <= good
    }
}

/// What kinds of bytes a file has.
private struct ByteTally {
    private var count = 0
    private var controls = 0
    /// U+0000 at even and at odd places.
    private var nulls = (0, 0)

    init(_ bytes: Slice<UnsafeRawBufferPointer>) {
        for byte in bytes {
            if byte == 0 {
                if count.isMultiple(of: 2) { nulls.0 += 1 } else { nulls.1 += 1 }
            } else if byte < 0x20, !(0x08...0x0D).contains(byte), byte != 0x1B {
                controls += 1
            }
            count += 1
        }
    }

    /// The order of UTF-16 without a mark: in Western text every other byte is 0. Nil when it is not UTF-16.
    var utf16ByteOrder: Bool? {
        guard count >= 4 else { return nil }
        let (even, odd) = nulls
        if odd * 5 > count, even * 20 < odd { return false }
        if even * 5 > count, odd * 20 < even { return true }
        return nil
    }

    /// A stray U+0000 or control happens in texts; more than one in a hundred bytes does not.
    var looksBinary: Bool { (nulls.0 + nulls.1 + controls) * 100 > count }
}
