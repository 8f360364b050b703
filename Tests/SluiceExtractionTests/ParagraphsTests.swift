import SluiceExtraction
import Testing

@Suite("Paragraphs of a printed page")
struct ParagraphsTests {
    /// A line of ten-point letters.
    private static func line(
        _ text: String,
        top: Double,
        left: Double = 50,
        width: Double = 200,
        height: Double = 10
    ) -> TextLine {
        var line = TextLine()
        let letters = text.unicodeScalars.filter { $0 != " " }
        for (index, letter) in letters.enumerated() {
            let start = left + width * Double(index) / Double(letters.count)
            line.add(letter, left: start, top: top, right: start + width / Double(letters.count), bottom: top + height)
        }
        return line
    }

    @Test("a wider gap than usual begins a paragraph")
    func gaps() {
        let lines = [
            Self.line("One", top: 0), Self.line("goes", top: 12), Self.line("on.", top: 24),
            Self.line("Two", top: 46), Self.line("too.", top: 58),
        ]
        #expect(Paragraphs.breaks(before: lines) == [false, false, false, true, false])
    }

    @Test("double-spaced text is not torn into lines")
    func doubleSpaced() {
        let tops = [0.0, 24, 48, 72, 110, 134]
        let breaks = Paragraphs.breaks(before: tops.map { Self.line("Words", top: $0) })
        #expect(breaks == [false, false, false, false, true, false])
    }

    @Test("a heading stands apart by its size")
    func heading() {
        let lines = [Self.line("Heading", top: 0, height: 16), Self.line("Text", top: 19), Self.line("more", top: 31)]
        #expect(Paragraphs.breaks(before: lines) == [false, true, false])
    }

    @Test("cells of a row belong together")
    func cells() {
        let lines = [Self.line("Name", top: 0), Self.line("12.5", top: 1, left: 300)]
        #expect(Paragraphs.breaks(before: lines) == [false, false])
    }

    @Test("the next column breaks, unless a sentence goes on in it")
    func columns() {
        let end = Self.line("and then it was", top: 700)
        #expect(Paragraphs.breaks(before: [end, Self.line("over", top: 0, left: 300)]) == [false, false])
        #expect(Paragraphs.breaks(before: [end, Self.line("Over", top: 0, left: 300)]) == [false, true])
        let full = Self.line("It was over.", top: 700)
        #expect(Paragraphs.breaks(before: [full, Self.line("and", top: 0, left: 300)]) == [false, true])
    }

    @Test("lines without letters and pages without lines do no harm")
    func nothing() {
        #expect(Paragraphs.breaks(before: []).isEmpty)
        #expect(Paragraphs.breaks(before: [TextLine(), Self.line("a", top: 0), TextLine()]) == [false, false, false])
    }

    @Test("ligatures become letters and breaks become empty lines")
    func cleaning() {
        var text = CleanText()
        text.append("o\u{FB03}ce\n\u{FB01}rst\0\nlast", layout: TextLayout(breaks: [false, true, false], seams: []))
        #expect(String(decoding: text.utf8, as: UTF8.self) == "office\n\nfirst\nlast")
        #expect(text.characters == 18)
        #expect(text.isVisible)
        #expect(!CleanText(" \u{FFFD}\u{200B}\n").isVisible)
        #expect(CleanText("世").isVisible)
    }
}
