/// A piece of text as it may leave the extractor: valid UTF-8 without U+0000.
package struct CleanText {
    package private(set) var utf8: [UInt8] = []
    /// Unicode scalars.
    package private(set) var characters = 0
    /// True when something is to be seen: not only blanks, controls and replacement characters.
    package private(set) var isVisible = false

    package init() {}

    /// Takes over a file's bytes; broken UTF-8 becomes U+FFFD.
    init(repairing bytes: UnsafeBufferPointer<UInt8>) { append(String(decoding: bytes, as: UTF8.self)) }

    package init(_ text: String) { append(text) }

    /// Adds `text` without its U+0000.
    mutating func append(_ text: String) {
        var text = text
        let start = utf8.count
        text.withUTF8 { bytes in
            utf8.reserveCapacity(utf8.count + bytes.count)
            for byte in bytes { add(byte) }
        }
        noteVisibility(from: start)
    }

    /// Adds printed text with what its layout tells, and ligatures written as letters, which is what people search for.
    package mutating func append(_ text: String, layout: TextLayout) {
        var text = text
        let start = utf8.count
        text.withUTF8 { bytes in
            utf8.reserveCapacity(utf8.count + bytes.count + layout.breaks.count + layout.seams.count)
            var seams = layout.seams[...]
            var line = 0
            var scalar = 0
            var index = 0
            while index < bytes.count {
                if bytes[index] & 0xC0 != 0x80 {
                    if let seam = seams.first, seam.index == scalar {
                        add(seam.blank)
                        seams.removeFirst()
                    }
                    scalar += 1
                }
                if bytes[index] == 0xEF, bytes[index + 1] == 0xAC, let letters = Self.ligature(bytes[index + 2]) {
                    for letter in letters.utf8 { add(letter) }
                    index += 3
                    continue
                }
                add(bytes[index])
                if bytes[index] == 0x0A {
                    line += 1
                    if line < layout.breaks.count, layout.breaks[line] { add(0x0A) }
                }
                index += 1
            }
        }
        noteVisibility(from: start)
    }

    /// Adds a line feed unless the text is empty or ends with one.
    mutating func endLine() {
        guard let last = utf8.last, last != 0x0A else { return }
        add(0x0A)
    }

    private mutating func add(_ byte: UInt8) {
        if byte == 0 { return }
        utf8.append(byte)
        if byte & 0xC0 != 0x80 { characters += 1 }
        if byte > 0x20, byte < 0x7F { isVisible = true }
    }

    /// Text without any ASCII is rare enough to be decoded once more.
    private mutating func noteVisibility(from start: Int) {
        guard !isVisible else { return }
        isVisible = String(decoding: utf8[start...], as: UTF8.self).unicodeScalars.contains(where: Self.isVisible)
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
