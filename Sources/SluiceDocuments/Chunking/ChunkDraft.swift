package import SluiceSystem

/// One chunk as the chunker made it.
package struct ChunkDraft: Hashable, Sendable {
    /// Position in the document, from 0.
    package var ordinal: Int
    package var text: String
    /// Half-open, in Unicode scalars of the document's text: `text` is exactly that slice.
    package var charFrom: Int
    package var charTo: Int
    /// 1-based and inclusive; nil for formats without pages.
    package var pageFrom: Int?
    package var pageTo: Int?
    /// Headings in force where the chunk begins, outermost first.
    package var headingPath: [String]
    /// SHA-256 of the text that is embedded.
    package var contentHash: SHA256Digest

    package init(
        ordinal: Int,
        text: String,
        charFrom: Int,
        charTo: Int,
        pageFrom: Int?,
        pageTo: Int?,
        headingPath: [String],
        contentHash: SHA256Digest
    ) {
        self.ordinal = ordinal
        self.text = text
        self.charFrom = charFrom
        self.charTo = charTo
        self.pageFrom = pageFrom
        self.pageTo = pageTo
        self.headingPath = headingPath
        self.contentHash = contentHash
    }
}
