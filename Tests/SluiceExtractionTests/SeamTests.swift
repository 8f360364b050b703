import SluiceExtraction
import Testing

@Suite("Blanks that a printed page shows but poppler's text lacks")
struct SeamTests {
    private static func line(_ letters: [Double?], width: Double = 6) -> [UInt8?] {
        var line = TextLine()
        return letters.map { left in
            guard let left else {
                line.pause()
                return nil
            }
            let blank = line.blank(before: left, height: 10)
            line.add("x", left: left, top: 0, right: left + width, bottom: 10)
            return blank
        }
    }

    @Test("letters of a word have none between them, also when set wide")
    func words() {
        #expect(Self.line([0, 6, 12, 18]) == [nil, nil, nil, nil])
        #expect(Self.line([0, 9, 18]) == [nil, nil, nil])
        #expect(Self.line([0, 5.2, 10.1]) == [nil, nil, nil])
    }

    @Test("a gap is a space, a wide one a tab between cells")
    func gaps() {
        #expect(Self.line([0, 10, 16]) == [nil, 0x20, nil])
        #expect(Self.line([0, 60, 66, 300]) == [nil, 0x09, nil, 0x09])
    }

    @Test("a blank of the text itself is enough")
    func blanks() { #expect(Self.line([0, nil, 60, 66]) == [nil, nil, nil, nil]) }

    @Test("right-to-left scripts step back within a word; a jump back is another cell")
    func backwards() {
        #expect(Self.line([100, 94, 88]) == [nil, nil, nil])
        #expect(Self.line([300, 20, 26]) == [nil, 0x09, nil])
    }

    @Test("they go before the character they belong to, however many bytes the ones before have")
    func insertion() {
        var text = CleanText()
        let seams = [TextLayout.Seam(index: 3, blank: 0x09), TextLayout.Seam(index: 6, blank: 0x20)]
        text.append("\u{FB03}é:née\u{FB01}x", layout: TextLayout(breaks: [], seams: seams))
        #expect(String(decoding: text.utf8, as: UTF8.self) == "ffié:\tnée fix")
        #expect(text.characters == 13)
    }
}
