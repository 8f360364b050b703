/// One line of a page's text with its place on the page, top-left origin, in points.
package struct TextLine: Hashable {
    var top = Double.infinity
    var bottom = -Double.infinity
    var left = Double.infinity
    var right = -Double.infinity
    /// Height of the letters, summed for the mean.
    private var heights = 0.0
    private var letters = 0
    /// Right edge of the letter before; nil at the line's start and after a blank.
    private var pen: Double?
    var first: Unicode.Scalar?
    var last: Unicode.Scalar?

    /// Mean height of the letters, about the size of the font; 0 for a line of blanks.
    var height: Double { letters == 0 ? 0 : heights / Double(letters) }

    package init() {}

    /// Adds a letter that is to be seen.
    package mutating func add(_ letter: Unicode.Scalar, left: Double, top: Double, right: Double, bottom: Double) {
        self.left = min(self.left, left)
        self.top = min(self.top, top)
        self.right = max(self.right, right)
        self.bottom = max(self.bottom, bottom)
        heights += bottom - top
        letters += 1
        pen = right
        if first == nil { first = letter }
        last = letter
    }

    /// A blank of the text itself.
    package mutating func pause() { pen = nil }

    /// What belongs between the letter before and one that starts at `left`, when the text has nothing there: a space, a tab
    /// between cells of a table, nil when they are one word.
    ///
    /// Poppler ends words where it sees a gap, but joins blocks that stand side by side, as cells do, without anything
    /// between them. A jump back is another cell as well, except the step of a script that runs from right to left.
    package func blank(before left: Double, height: Double) -> UInt8? {
        guard let pen, height > 0 else { return nil }
        let gap = (left - pen) / height
        if gap > 1 || gap < -4 { return 0x09 }
        return gap > 0.35 ? 0x20 : nil
    }
}
