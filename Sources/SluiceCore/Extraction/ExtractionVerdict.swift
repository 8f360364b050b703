/// How the child judges a document, sent after its text.
package struct ExtractionVerdict: Hashable, Sendable {
    /// Never `timeout` or `crashed`: those are for the parent to say.
    package var outcome: ExtractionOutcome
    /// One sentence for people, without text of the document.
    package var detail: String
    package var metadata: DocumentMetadata
    /// Unicode scalars that were sent, as a check on both sides' counting.
    package var characters: Int

    package init(outcome: ExtractionOutcome, detail: String, metadata: DocumentMetadata, characters: Int) {
        self.outcome = outcome
        self.detail = detail
        self.metadata = metadata
        self.characters = characters
    }

    package var frame: ExtractionFrame {
        var writer = WireWriter()
        writer.append(UInt8(Self.outcomes.firstIndex(of: outcome) ?? 255))
        writer.append(detail, limit: ExtractionWire.maxDetailBytes)
        writer.append(metadata.mediaType, limit: ExtractionWire.maxMediaTypeBytes)
        writer.append(metadata.title, limit: ExtractionWire.maxMetadataBytes)
        writer.append(metadata.author, limit: ExtractionWire.maxMetadataBytes)
        writer.append(metadata.createdAt)
        writer.append(metadata.modifiedAt)
        writer.append(UInt32(clamping: metadata.pageCount))
        writer.append(UInt64(max(0, characters)))
        return ExtractionFrame(.verdict, body: writer.bytes)
    }

    package init(_ frame: ExtractionFrame) throws(WireViolation) {
        guard frame.kind == .verdict else { throw WireViolation("a \(frame.kind) instead of a verdict") }
        var reader = WireReader(frame.body)
        let code = Int(try reader.integer(UInt8.self))
        guard Self.outcomes.indices.contains(code) else { throw WireViolation("an unknown outcome") }
        outcome = Self.outcomes[code]
        detail = try reader.text(limit: ExtractionWire.maxDetailBytes)
        let mediaType = try reader.text(limit: ExtractionWire.maxMediaTypeBytes)
        guard mediaType.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw WireViolation("a media type that is not plain ASCII")
        }
        metadata = DocumentMetadata(mediaType: mediaType, pageCount: 0)
        metadata.title = try reader.optionalText(limit: ExtractionWire.maxMetadataBytes)
        metadata.author = try reader.optionalText(limit: ExtractionWire.maxMetadataBytes)
        metadata.createdAt = try reader.optionalInteger()
        metadata.modifiedAt = try reader.optionalInteger()
        metadata.pageCount = try reader.count(UInt32.self, atMost: ExtractionWire.maxPages)
        characters = try reader.count(UInt64.self)
        try reader.finish()
    }

    /// The outcomes a child may give; the position is the code on the wire.
    private static let outcomes: [ExtractionOutcome] = [
        .ok, .empty, .needsOCR, .encrypted, .corrupt, .tooLarge, .unsupported,
    ]
}
