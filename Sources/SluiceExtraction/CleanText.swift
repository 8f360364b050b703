/// A piece of text as it may leave the extractor: valid UTF-8 without U+0000.
struct CleanText {
    private(set) var utf8: [UInt8] = []
    /// Unicode scalars.
    private(set) var characters = 0
    /// True when something is to be seen: not only blanks, controls and replacement characters.
    private(set) var isVisible = false

    init() {}

    /// Takes over `bytes`; broken UTF-8 becomes U+FFFD.
    ///
    /// - Parameter expandingLigatures: writes `ﬁ` and its six relatives as letters, which is what people search for.
    init(repairing bytes: UnsafeBufferPointer<UInt8>, expandingLigatures: Bool = false) {
        var text = String(decoding: bytes, as: UTF8.self)
        text.withUTF8 { append(validUTF8: $0, expandingLigatures: expandingLigatures) }
    }

    /// Takes over text whose scalars are known to be valid.
    init(_ text: String) {
        var text = text
        text.withUTF8 { append(validUTF8: $0, expandingLigatures: false) }
    }

    /// Adds a line feed unless the text is empty or ends with one.
    mutating func endLine() {
        guard let last = utf8.last, last != 0x0A else { return }
        utf8.append(0x0A)
        characters += 1
    }

    private mutating func append(validUTF8 bytes: UnsafeBufferPointer<UInt8>, expandingLigatures: Bool) {
        utf8.reserveCapacity(bytes.count + 16)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if expandingLigatures, byte == 0xEF, bytes[index + 1] == 0xAC, let letters = Self.ligature(bytes[index + 2]) {
                utf8.append(contentsOf: letters.utf8)
                characters += letters.utf8.count
                isVisible = true
                index += 3
                continue
            }
            index += 1
            if byte == 0 { continue }
            utf8.append(byte)
            if byte & 0xC0 != 0x80 { characters += 1 }
            if byte > 0x20, byte < 0x7F { isVisible = true }
        }
        // Text without any ASCII is rare enough to be decoded once more.
        if !isVisible { isVisible = String(decoding: utf8, as: UTF8.self).unicodeScalars.contains(where: Self.isVisible) }
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "\u{FFFD}" || scalar.properties.isWhitespace { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .unassigned, .privateUse, .surrogate: return false
        default: return true
        }
    }

    /// U+FB00 to U+FB06 by the last of their three bytes.
    private static func ligature(_ last: UInt8) -> String? {
        switch last {
        case 0x80: "ff"
        case 0x81: "fi"
        case 0x82: "fl"
        case 0x83: "ffi"
        case 0x84: "ffl"
        case 0x85, 0x86: "st"
        default: nil
        }
    }
}
