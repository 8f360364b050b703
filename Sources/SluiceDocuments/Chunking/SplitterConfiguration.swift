/// Why a chunking configuration was refused.
package enum InvalidChunking: Error, Hashable, Sendable, CustomStringConvertible {
    case chunkSize(Int)
    case overlap(Int, chunkSize: Int)
    case pattern(String)

    package var description: String {
        switch self {
        case .chunkSize(let size): "the chunk size is \(size), but must be 1 character or more"
        case .overlap(let overlap, let size):
            "the overlap is \(overlap), but must be between 0 and the chunk size of \(size)"
        case .pattern(let source):
            "the separator pattern '\(source)' is outside the supported subset or can match nothing; use a literal separator"
        }
    }
}

/// How texts are cut. Lengths are in Unicode scalars, never in grapheme clusters or bytes.
package struct SplitterConfiguration: Hashable, Sendable {
    /// The most scalars of a piece, except pieces that no separator of the list can cut.
    package let chunkSize: Int
    /// The most scalars that a piece repeats of the one before.
    package let overlap: Int
    /// Tried in this order; `""` cuts anywhere and makes those after it dead.
    package let separators: [Separator]
    package let keepSeparator: SeparatorPlacement
    /// Removes white space at both ends of every piece (Python's idea of it).
    package let strip: Bool

    /// - Parameter separators: empty means LangChain's `"\n\n"`, `"\n"`, `" "`, `""`.
    /// - Throws: when `chunkSize` < 1, or `overlap` is not in 0 … `chunkSize`.
    package init(
        chunkSize: Int,
        overlap: Int,
        separators: [Separator] = [],
        keepSeparator: SeparatorPlacement = .start,
        strip: Bool = true
    ) throws(InvalidChunking) {
        guard chunkSize > 0 else { throw .chunkSize(chunkSize) }
        guard (0...chunkSize).contains(overlap) else { throw .overlap(overlap, chunkSize: chunkSize) }
        self.init(
            unchecked: chunkSize,
            overlap: overlap,
            separators: separators,
            keepSeparator: keepSeparator,
            strip: strip
        )
    }

    init(unchecked size: Int, overlap: Int, separators: [Separator], keepSeparator: SeparatorPlacement, strip: Bool) {
        self.chunkSize = size
        self.overlap = overlap
        self.separators = separators.isEmpty ? Self.langChainSeparators : separators
        self.keepSeparator = keepSeparator
        self.strip = strip
    }

    package static let langChainSeparators: [Separator] = ["\n\n", "\n", " ", ""]

    /// The product's default: 1,000 / 100, paragraphs, lines, sentences, words. Sentences keep their full stop.
    package static let standard = SplitterConfiguration(
        unchecked: 1_000,
        overlap: 100,
        separators: ["\n\n", "\n", ". ", " ", ""],
        keepSeparator: .end,
        strip: true
    )
}
