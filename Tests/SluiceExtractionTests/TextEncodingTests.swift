import SluiceExtraction
import Testing

@Suite("Finding and reading a text's encoding")
struct TextEncodingTests {
    private static func decode(_ bytes: [UInt8]) -> String? {
        bytes.withUnsafeBytes { raw in
            guard let (encoding, mark) = TextEncoding.detect(raw) else { return nil }
            var text = ""
            TextDecoding(encoding).decode(UnsafeRawBufferPointer(rebasing: raw[mark...])) {
                text += String(decoding: $0.utf8, as: UTF8.self)
            }
            return text
        }
    }

    private static func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
        text.utf16.flatMap { unit in
            let bytes = [UInt8(unit >> 8), UInt8(truncatingIfNeeded: unit)]
            return bigEndian ? bytes : bytes.reversed()
        }
    }

    @Test("byte order marks decide and vanish")
    func marks() {
        let text = "Grüße, 世界 😀"
        #expect(Self.decode([0xEF, 0xBB, 0xBF] + text.utf8) == text)
        #expect(Self.decode([0xFF, 0xFE] + Self.utf16(text, bigEndian: false)) == text)
        #expect(Self.decode([0xFE, 0xFF] + Self.utf16(text, bigEndian: true)) == text)
        let utf32 = text.unicodeScalars.flatMap {
            [UInt8($0.value & 0xFF), UInt8($0.value >> 8 & 0xFF), UInt8($0.value >> 16), 0]
        }
        #expect(Self.decode([0xFF, 0xFE, 0, 0] + utf32) == text)
    }

    @Test("UTF-16 is known without a mark", arguments: [true, false])
    func utf16WithoutMark(bigEndian: Bool) {
        let text = "Plain words in sixteen bits, naïve and all."
        #expect(Self.decode(Self.utf16(text, bigEndian: bigEndian)) == text)
    }

    @Test("what is not UTF-8 is Windows-1252")
    func windows1252() {
        #expect(Self.decode([0x93, 0x63, 0x61, 0x66, 0xE9, 0x94, 0x20, 0x80, 0x35]) == "“café” €5")
    }

    @Test("line ends stay, U+0000 goes, a broken place becomes U+FFFD")
    func details() {
        #expect(Self.decode(Array("a\r\nb\rc\n".utf8)) == "a\r\nb\rc\n")
        let long = String(repeating: "Ünïcödé text. ", count: 50)
        #expect(Self.decode(Array(long.utf8) + [0] + Array("end".utf8)) == long + "end")
        #expect(Self.decode(Array(long.utf8) + [0xC3]) == long + "\u{FFFD}")
    }

    @Test("bytes that are no text are refused")
    func binary() {
        #expect(Self.decode((0..<4_000).map { UInt8(truncatingIfNeeded: $0 &* 37) }) == nil)
        #expect(Self.decode([0, 0, 0, 0, 1, 2, 3, 4]) == nil)
    }

    @Test("pieces are cut between scalars, whatever lies at the border", arguments: 0..<4)
    func borders(shift: Int) {
        let text = String(repeating: "x", count: shift) + String(repeating: "😀é世", count: 60_000)
        #expect(Self.decode(Array(text.utf8)) == text)
        #expect(Self.decode([0xFF, 0xFE] + Self.utf16(text, bigEndian: false)) == text)
    }
}
