package import SluiceSystem

/// A chunk as the chunker makes it, before it has an identity in the store.
package struct ChunkDraft: Hashable, Sendable {
    /// Its place among the document's chunks, from 0.
    package var ordinal: Int
    /// Exactly the document's Unicode scalars `charFrom ..< charTo`.
    package let text: String
    /// In Unicode scalars of the document's text.
    package let charFrom: Int
    /// In Unicode scalars, exclusive.
    package let charTo: Int
    /// The page of the first character, from 1; nil for formats without pages.
    package let pageFrom: Int?
    /// The page of the last character, from 1; nil for formats without pages.
    package let pageTo: Int?
    /// The Markdown headings in force at `charFrom`, outermost first; empty for other formats.
    package let headingPath: [String]
    /// SHA-256 of the text that is embedded: of `text`.
    package let contentHash: SHA256Digest

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
