/// What a reader found in one document: all text in one string, with the borders of its pages.
package struct ExtractedText: Hashable, Sendable {
    /// The whole text, pages joined as they follow each other. Never contains U+0000.
    package var text: String
    /// Where each page begins, as an offset in Unicode scalars into `text`; ascending, the first is 0, one a page.
    ///
    /// Empty for formats without pages.
    package var pageStarts: [Int]
    package var metadata: DocumentMetadata

    package init(text: String, pageStarts: [Int], metadata: DocumentMetadata) {
        self.text = text
        self.pageStarts = pageStarts
        self.metadata = metadata
    }
}

/// What a document says of itself. Everything is untrusted text of its author.
package struct DocumentMetadata: Hashable, Sendable {
    package var title: String?
    package var author: String?
    /// Seconds since 1970-01-01 UTC.
    package var createdAt: Int64?
    package var modifiedAt: Int64?
    /// `application/pdf`, `text/plain`, `text/markdown`.
    package var mediaType: String
    /// Pages of the source; 0 for formats without pages.
    package var pageCount: Int

    package init(
        title: String? = nil,
        author: String? = nil,
        createdAt: Int64? = nil,
        modifiedAt: Int64? = nil,
        mediaType: String,
        pageCount: Int
    ) {
        self.title = title
        self.author = author
        self.createdAt = createdAt
        self.modifiedAt = modifiedAt
        self.mediaType = mediaType
        self.pageCount = pageCount
    }
}

/// Limits of one extraction, enforced by the child on itself and by its parent from outside.
package struct ExtractionLimits: Hashable, Sendable {
    /// Size of the source file in bytes.
    package var maxBytes: Int
    package var maxPages: Int
    /// Characters (Unicode scalars) of text.
    package var maxCharacters: Int
    /// Wall clock for one document, measured by the parent.
    package var wallClock: Duration
    /// Address space of the child in bytes.
    package var addressSpace: Int
    /// CPU seconds for one document.
    package var cpuSeconds: Int

    package init(
        maxBytes: Int = 512 << 20,
        maxPages: Int = 20_000,
        maxCharacters: Int = 64_000_000,
        wallClock: Duration = .seconds(120),
        addressSpace: Int = 2 << 30,
        cpuSeconds: Int = 110
    ) {
        self.maxBytes = maxBytes
        self.maxPages = maxPages
        self.maxCharacters = maxCharacters
        self.wallClock = wallClock
        self.addressSpace = addressSpace
        self.cpuSeconds = cpuSeconds
    }
}
