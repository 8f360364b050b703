/// What a page's printed text lacks and its places on the page tell: empty lines between paragraphs, blanks between cells.
package struct TextLayout: Hashable {
    /// A blank that goes before a character.
    package struct Seam: Hashable {
        /// Of the character in the page's text, from 0, in Unicode scalars.
        package let index: Int
        /// ASCII: a space or a tab.
        package let blank: UInt8

        package init(index: Int, blank: UInt8) {
            self.index = index
            self.blank = blank
        }
    }

    /// The lines, from 0, that get an empty line before them; missing ones do not.
    package let breaks: [Bool]
    /// By index, ascending.
    package let seams: [Seam]

    package init(breaks: [Bool], seams: [Seam]) {
        self.breaks = breaks
        self.seams = seams
    }

    package static let unknown = TextLayout(breaks: [], seams: [])
}
