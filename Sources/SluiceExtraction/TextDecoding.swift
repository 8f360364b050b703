/// Turns a text file's bytes into pieces of clean text, in the encoding that was found.
package struct TextDecoding {
    /// Bytes decoded at a time: bounds this process's memory, whatever the file's size.
    private static let portion = 256 << 10

    private let encoding: TextEncoding

    package init(_ encoding: TextEncoding) { self.encoding = encoding }

    /// Calls `take` with one piece after the other; line ends are kept as they are.
    package func decode<Failure: Error>(
        _ bytes: UnsafeRawBufferPointer,
        _ take: (CleanText) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let end = border(in: bytes, after: start)
            try take(piece(UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
            start = end
        }
    }

    private func piece(_ bytes: UnsafeRawBufferPointer) -> CleanText {
        switch encoding {
        case .utf8:
            return CleanText(repairing: bytes.bindMemory(to: UInt8.self))
        case .windows1252:
            var scalars = String.UnicodeScalarView()
            for byte in bytes { scalars.append(Self.windows1252(byte)) }
            return CleanText(String(scalars))
        case .utf16(let bigEndian):
            let units = (0..<(bytes.count + 1) / 2).map { UInt16(Self.unit(bytes, at: $0 * 2, size: 2, bigEndian)) }
            return CleanText(String(decoding: units, as: UTF16.self))
        case .utf32(let bigEndian):
            let units = (0..<(bytes.count + 3) / 4).map { Self.unit(bytes, at: $0 * 4, size: 4, bigEndian) }
            var scalars = String.UnicodeScalarView()
            for unit in units { scalars.append(Unicode.Scalar(unit) ?? "\u{FFFD}") }
            return CleanText(String(scalars))
        }
    }

    /// Where the piece that begins at `start` ends: never inside a scalar.
    private func border(in bytes: UnsafeRawBufferPointer, after start: Int) -> Int {
        var end = start + Self.portion
        guard end < bytes.count else { return bytes.count }
        switch encoding {
        case .utf8:
            // At most three steps; a longer run of continuation bytes is broken anyway.
            for _ in 0..<3 where bytes[end] & 0xC0 == 0x80 { end -= 1 }
        case .utf16(let bigEndian):
            // Portions are even, so this is the place of a whole unit; a low surrogate belongs to the one before.
            if (0xDC00..<0xE000).contains(Self.unit(bytes, at: end, size: 2, bigEndian)) { end -= 2 }
        case .utf32, .windows1252:
            break
        }
        return end
    }

    /// A code unit; one that the file's end cuts off is U+FFFD.
    private static func unit(_ bytes: UnsafeRawBufferPointer, at offset: Int, size: Int, _ bigEndian: Bool) -> UInt32 {
        guard offset + size <= bytes.count else { return 0xFFFD }
        var value: UInt32 = 0
        for index in 0..<size {
            let byte = UInt32(bytes[offset + (bigEndian ? index : size - 1 - index)])
            value = value << 8 | byte
        }
        return value
    }

    private static func windows1252(_ byte: UInt8) -> Unicode.Scalar {
        guard (0x80...0x9F).contains(byte) else { return Unicode.Scalar(byte) }
        return Unicode.Scalar(upperControls[Int(byte) - 0x80]) ?? "\u{FFFD}"
    }

    /// 0x80 to 0x9F; the five unassigned ones stay controls, as in WHATWG's encoding standard.
    private static let upperControls: [UInt16] = [
        0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D,
        0x017D, 0x008F,
        0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D,
        0x017E, 0x0178,
    ]
}
