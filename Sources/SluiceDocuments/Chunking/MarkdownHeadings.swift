/// The headings of a Markdown text and where they stand: ATX (`## Title`) and underlined ones, outside fenced code and front
/// matter.
struct MarkdownHeadings {
    /// A heading with all above it.
    fileprivate struct Entry {
        var charStart: Int
        var path: [String]
    }

    private var entries: [Entry] = []

    init(of text: String) {
        var text = text
        text.withUTF8 { bytes in
            var scan = Scan(text: ScalarText(bytes))
            scan.run()
            entries = scan.entries
        }
    }

    /// The titles in force at the character `offset`, outermost first. A heading is in force from its own first character.
    func path(at offset: Int) -> [String] {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].charStart <= offset { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? [] : entries[low - 1].path
    }

    private struct Scan {
        let text: ScalarText
        var entries: [Entry] = []
        private var open: [(level: Int, title: String)] = []
        /// The fence's character and length while inside fenced code.
        private var fence: (character: UInt8, length: Int)?
        /// The line before, when it could be the text of an underlined heading.
        private var paragraph: (line: Range<Int>, charStart: Int)?

        init(text: ScalarText) { self.text = text }

        mutating func run() {
            var position = 0
            var charStart = 0
            let body = frontMatterEnd()
            while position < text.byteCount {
                let next = lineEnd(position)
                if position >= body {
                    let line = text.stripped(position..<next)
                    read(line, indentation: line.lowerBound - position, charStart: charStart)
                }
                charStart += text.count(position..<next)
                position = next
            }
        }

        /// Where the line that begins here ends, its line feed included.
        private func lineEnd(_ position: Int) -> Int {
            text.firstMatch(of: [10], in: position..<text.byteCount)?.upperBound ?? text.byteCount
        }

        /// The end of front matter between `---` lines at the very top; 0 without, also when it is never closed.
        private func frontMatterEnd() -> Int {
            var position = 0
            while position < text.byteCount {
                let next = lineEnd(position)
                let line = text.stripped(position..<next)
                let isBorder = line.count == 3 && isRule(line) == 45
                if position == 0, !isBorder { return 0 }
                if position > 0, isBorder { return next }
                position = next
            }
            return 0
        }

        private mutating func read(_ line: Range<Int>, indentation: Int, charStart: Int) {
            let underlined = paragraph
            paragraph = nil
            if line.isEmpty { return }
            if let marker = fenceMarker(line), indentation < 4 {
                if let open = fence {
                    let isBare = line.count == marker.length
                    if marker.character == open.character, marker.length >= open.length, isBare { fence = nil }
                } else {
                    fence = marker
                }
                return
            }
            guard fence == nil, indentation < 4 || underlined != nil else { return }
            if indentation < 4, let (level, title) = atx(line) {
                add(level, title, charStart)
            } else if indentation < 4, let underlined, let rule = isRule(line) {
                add(rule == 61 ? 1 : 2, text.string(underlined.line), underlined.charStart)
            } else if indentation < 4, !beginsBlock(line) {
                paragraph = (line, charStart)
            }
        }

        private mutating func add(_ level: Int, _ title: String, _ charStart: Int) {
            while let last = open.last, last.level >= level { open.removeLast() }
            open.append((level, title))
            entries.append(Entry(charStart: charStart, path: open.map(\.title)))
        }

        /// `=` or `-` when the line is nothing but these.
        private func isRule(_ line: Range<Int>) -> UInt8? {
            guard let first = line.first.map({ text[$0] }), first == 61 || first == 45 else { return nil }
            return line.allSatisfy { text[$0] == first } ? first : nil
        }

        /// Lists, quotes and tables: a rule below them underlines nothing.
        private func beginsBlock(_ line: Range<Int>) -> Bool {
            switch text[line.lowerBound] {
            case UInt8(ascii: ">"), UInt8(ascii: "|"): true
            case UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "+"):
                line.count == 1 || text[line.lowerBound + 1] == 32 || isRule(line) != nil
            default: false
            }
        }

        private func fenceMarker(_ line: Range<Int>) -> (character: UInt8, length: Int)? {
            let first = text[line.lowerBound]
            guard first == 96 || first == 126 else { return nil }
            let length = line.prefix { text[$0] == first }.count
            return length >= 3 ? (first, length) : nil
        }

        private func atx(_ line: Range<Int>) -> (Int, String)? {
            let level = line.prefix { text[$0] == 35 }.count
            guard (1...6).contains(level) else { return nil }
            var title = line.lowerBound + level..<line.upperBound
            guard title.isEmpty || text[title.lowerBound] == 32 || text[title.lowerBound] == 9 else { return nil }
            title = text.stripped(title)
            let closing = title.reversed().prefix { text[$0] == 35 }.count
            let border = title.upperBound - closing
            if closing > 0, border == title.lowerBound || text[border - 1] == 32 || text[border - 1] == 9 {
                title = text.stripped(title.lowerBound..<border)
            }
            return (level, text.string(title))
        }
    }
}
