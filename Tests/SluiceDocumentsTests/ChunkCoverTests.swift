import SluiceCore
import SluiceDocuments
import Testing

/// What the gates rely on to see that a chunk of a set is missing.
@Suite("What chunks cover, whatever their size")
struct ChunkCoverTests {
    private func text(_ generator: inout SeededGenerator) -> String {
        let pieces = [
            "a", "heron", "lighthouse", " ", "  ", "\n", "\n\n", ". ", ".", "\t", "é", "😀", "\u{301}", "\r\n",
            "# Title\n", "\u{A0}",
        ]
        return (0..<Int.random(in: 1...300, using: &generator)).map { _ in
            pieces.randomElement(using: &generator) ?? ""
        }.joined()
    }

    @Test("two sizes end at the same text, and no ordinal is left out", arguments: 0..<300)
    func ends(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed))
        let text = text(&generator)
        let metadata = DocumentMetadata(mediaType: "text/plain", pageCount: 0)
        let whole = ExtractedText(text: text, pageStarts: [], metadata: metadata)
        let separators = Bool.random(using: &generator) ? SplitterConfiguration.standard.separators : []
        let placement: SeparatorPlacement = separators.isEmpty ? .start : .end
        let cuts = try (0..<2).map { _ in
            let size = Int.random(in: 1...200, using: &generator)
            let configuration = try SplitterConfiguration(
                chunkSize: size,
                overlap: Int.random(in: 0...size / 2, using: &generator),
                separators: separators,
                keepSeparator: placement
            )
            return Chunker(configuration: configuration).chunk(whole)
        }
        for cut in cuts { #expect(cut.map(\.ordinal) == Array(cut.indices)) }
        let ends = cuts.map { $0.map(\.charTo).max() ?? 0 }.sorted()
        // A last piece of white space alone comes of some sizes, and of others not.
        let between = Array(text.unicodeScalars)[ends[0]..<ends[1]]
        #expect(between.allSatisfy { $0.properties.isWhitespace }, "\(between)")
    }
}
