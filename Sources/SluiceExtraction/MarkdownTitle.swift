/// The title of a Markdown text: `title:` of its front matter, else its first heading.
package enum MarkdownTitle {
    package static func find(in text: String) -> String? {
        // Unicode scalars, because "\r\n" is one Character and a split by Character is slow.
        var lines = text.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "\n" }.map { line in
            line.last == "\r" ? line.dropLast() : line
        }[...]
        if let title = frontMatterTitle(&lines) { return title }
        return heading(in: lines)
    }

    /// Takes the front matter off `lines` and returns its title, if it has one.
    private static func frontMatterTitle(_ lines: inout ArraySlice<Line>) -> String? {
        guard let first = lines.first, String(first) == "---",
            let end = lines.dropFirst().firstIndex(where: { ["---", "..."].contains(String($0)) })
        else { return nil }
        let matter = lines[(lines.startIndex + 1)..<end]
        lines = lines[(end + 1)...]
        for line in matter where String(line.prefix(6)).lowercased() == "title:" {
            var value = OneLine.of(String(line.dropFirst(6))) ?? ""
            for quote in ["\"", "'"] where value.count >= 2 && value.hasPrefix(quote) && value.hasSuffix(quote) {
                value = String(value.dropFirst().dropLast())
            }
            return OneLine.of(value)
        }
        return nil
    }

    private static func heading(in lines: ArraySlice<Line>) -> String? {
        var fence: Unicode.Scalar?
        var previous: Line?
        for line in lines {
            let indent = line.prefix { $0 == " " }.count
            let content = line.dropFirst(indent)
            if let mark = fenceMark(content), indent < 4, fence == nil || fence == mark {
                fence = fence == nil ? mark : nil
                previous = nil
                continue
            }
            if fence != nil || indent >= 4 {
                previous = nil
                continue
            }
            if let title = atxTitle(content) { return title }
            if let previous, isUnderline(content), let title = OneLine.of(String(previous)) { return title }
            previous = content.isEmpty ? nil : content
        }
        return nil
    }

    private static func fenceMark(_ line: Line) -> Unicode.Scalar? {
        guard let mark = line.first, mark == "`" || mark == "~", line.prefix(while: { $0 == mark }).count >= 3 else {
            return nil
        }
        return mark
    }

    /// `# Title #`; nil for other lines and for headings without words.
    private static func atxTitle(_ line: Line) -> String? {
        let level = line.prefix { $0 == "#" }.count
        let rest = line.dropFirst(level)
        guard (1...6).contains(level), rest.first == " " || rest.first == "\t" else { return nil }
        guard var title = OneLine.of(String(rest)) else { return nil }
        let closing = title.unicodeScalars.reversed().prefix { $0 == "#" }.count
        if closing > 0, closing < title.unicodeScalars.count {
            let kept = title.unicodeScalars.dropLast(closing)
            if kept.last == " " { title = String(kept) }
        }
        return OneLine.of(title)
    }

    private static func isUnderline(_ line: Line) -> Bool {
        let trimmed = line.reversed().drop { $0 == " " || $0 == "\t" }
        return !trimmed.isEmpty
            && (trimmed.allSatisfy { $0 == "=" } || (trimmed.count >= 3 && trimmed.allSatisfy { $0 == "-" }))
    }

    private typealias Line = Substring.UnicodeScalarView
}
