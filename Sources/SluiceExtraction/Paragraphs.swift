/// Finds where paragraphs end, from the lines' places on the page.
///
/// Poppler's GLib interface gives lines only, but whoever cuts text into chunks lives from the empty lines between
/// paragraphs; `pdftotext` has them because it sees poppler's blocks.
package enum Paragraphs {
    /// For each line, whether an empty line belongs before it. Same count as `lines`; the first is always false.
    package static func breaks(before lines: [TextLine]) -> [Bool] {
        guard lines.count > 1 else { return lines.map { _ in false } }
        let usual = usualGap(lines)
        return lines.indices.map { $0 > 0 && isBreak(lines[$0 - 1], lines[$0], usualGap: usual) }
    }

    /// The middle distance between a line and the next below it, in heights; 0 when there are too few to tell.
    private static func usualGap(_ lines: [TextLine]) -> Double {
        var gaps: [Double] = []
        for (above, below) in zip(lines, lines.dropFirst()) where above.height > 0 && follows(above, below) {
            gaps.append((below.top - above.bottom) / above.height)
        }
        guard gaps.count >= 3 else { return 0 }
        gaps.sort()
        return gaps[gaps.count / 2]
    }

    private static func isBreak(_ above: TextLine, _ below: TextLine, usualGap: Double) -> Bool {
        guard above.height > 0, below.height > 0 else { return false }
        // Side by side: cells of a table, or a label and its number.
        if below.top < above.bottom - above.height / 2, below.bottom > above.top + above.height / 2 { return false }
        // The next column or block; a sentence may go on there.
        guard follows(above, below) else { return !isContinued(above, below) }
        let gap = (below.top - above.bottom) / max(above.height, below.height)
        if gap > max(0.5, usualGap + 0.35) { return true }
        // A heading is set in another size.
        let ratio = below.height / above.height
        return gap > 0.1 && (ratio > 1.2 || ratio < 0.83)
    }

    /// True when `below` is near and under `above`.
    private static func follows(_ above: TextLine, _ below: TextLine) -> Bool {
        below.top >= above.top && below.top - above.bottom < 4 * max(above.height, below.height)
            && below.left < above.right && below.right > above.left
    }

    private static func isContinued(_ above: TextLine, _ below: TextLine) -> Bool {
        guard let last = above.last, let first = below.first, first.properties.isLowercase else { return false }
        return last.properties.isLowercase || last == "," || last == "-" || last == "\u{AD}" || last == ";"
    }
}
