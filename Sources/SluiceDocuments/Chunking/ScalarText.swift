#if canImport(Glibc)
    internal import Glibc
#endif

/// Valid UTF-8 seen as Unicode scalars; positions are byte offsets at scalar borders. Borrowed: valid only inside the
/// closure that lent the bytes.
struct ScalarText {
    private let bytes: UnsafeBufferPointer<UInt8>
    /// Bytes are scalars then, and nothing needs counting.
    let isASCII: Bool

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        var union: UInt8 = 0
        for byte in bytes { union |= byte }
        isASCII = union < 0x80
    }

    var byteCount: Int { bytes.count }

    subscript(position: Int) -> UInt8 { bytes[position] }

    func string(_ range: Range<Int>) -> String { String(decoding: slice(range), as: UTF8.self) }

    func slice(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(rebasing: bytes[range]) }

    /// Scalars in the range: its bytes that are not continuations.
    func count(_ range: Range<Int>) -> Int {
        if isASCII { return range.count }
        var count = 0
        for byte in slice(range) { count &+= byte & 0xC0 == 0x80 ? 0 : 1 }
        return count
    }

    /// Bytes of the scalar that begins here: 1 … 4.
    func width(at position: Int) -> Int {
        switch bytes[position] {
        case ..<0x80: 1
        case ..<0xE0: 2
        case ..<0xF0: 3
        default: 4
        }
    }

    func scalar(at position: Int) -> UInt32 {
        let lead = UInt32(bytes[position])
        func tail(_ offset: Int) -> UInt32 { UInt32(bytes[position + offset] & 0x3F) }
        switch width(at: position) {
        case 1: return lead
        case 2: return (lead & 0x1F) << 6 | tail(1)
        case 3: return (lead & 0x0F) << 12 | tail(1) << 6 | tail(2)
        default: return (lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3)
        }
    }

    /// The position `count` scalars after `position`. The caller knows that there are so many.
    func advance(_ position: Int, by count: Int) -> Int {
        if isASCII { return position + count }
        var position = position
        for _ in 0..<count { position += width(at: position) }
        return position
    }

    /// The first occurrence of the non-empty `needle` that lies wholly in `range`.
    func firstMatch(of needle: [UInt8], in range: Range<Int>) -> Range<Int>? {
        guard let base = bytes.baseAddress else { return nil }
        var position = range.lowerBound
        // Separators are a few bytes long, so that looking for the first one and comparing is fast enough.
        while range.upperBound - position >= needle.count {
            let reach = range.upperBound - position - needle.count + 1
            guard let found = memchr(base + position, Int32(needle[0]), reach) else { return nil }
            position = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            if memcmp(found, needle, needle.count) == 0 { return position..<position + needle.count }
            position += 1
        }
        return nil
    }

    /// The range without white space at its ends, as Python's `str.strip()` sees it.
    func stripped(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, Self.isPythonSpace(scalar(at: start)) { start += width(at: start) }
        while end > start {
            var last = end - 1
            while bytes[last] & 0xC0 == 0x80 { last -= 1 }
            guard Self.isPythonSpace(scalar(at: last)) else { break }
            end = last
        }
        return start..<end
    }

    /// Differs from Unicode's `White_Space` by U+001C … U+001F.
    static func isPythonSpace(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }
}
