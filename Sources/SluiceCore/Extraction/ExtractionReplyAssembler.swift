/// Puts a child's frames together to one reply, trusting none of them: pure, so that hostile sequences can be tested.
package struct ExtractionReplyAssembler: Sendable {
    private let limits: ExtractionLimits
    private var text = ""
    private var pageStarts: [Int] = []
    private var characters = 0
    private var hasUnpagedText = false

    /// - Parameter limits: what was asked for; a child that sends more breaks the format.
    package init(limits: ExtractionLimits) { self.limits = limits }

    /// Takes the next frame; the reply after the last one, nil before.
    package mutating func take(_ frame: ExtractionFrame) throws(WireViolation) -> ExtractionReply? {
        switch frame.kind {
        case .page:
            guard !hasUnpagedText else { throw WireViolation("a page after text without pages") }
            guard pageStarts.count < limits.maxPages else { throw WireViolation("more pages than the limit") }
            pageStarts.append(characters)
            try append(frame.body)
        case .text:
            if pageStarts.isEmpty { hasUnpagedText = true }
            try append(frame.body)
        case .verdict:
            return try conclude(try ExtractionVerdict(frame))
        case .greeting, .request:
            throw WireViolation("a \(frame.kind) inside a reply")
        }
        return nil
    }

    private mutating func append(_ utf8: [UInt8]) throws(WireViolation) {
        var scalars = 0
        var hasNull = false
        for byte in utf8 {
            scalars += byte & 0xC0 == 0x80 ? 0 : 1
            hasNull = hasNull || byte == 0
        }
        guard !hasNull else { throw WireViolation("text with U+0000") }
        guard scalars <= limits.maxCharacters - characters else { throw WireViolation("more text than the limit") }
        guard let piece = String(validating: utf8, as: UTF8.self) else { throw WireViolation("text that is not UTF-8") }
        characters += scalars
        text += piece
    }

    private func conclude(_ verdict: ExtractionVerdict) throws(WireViolation) -> ExtractionReply {
        guard verdict.characters == characters else { throw WireViolation("a wrong count of characters") }
        guard verdict.outcome == .ok else {
            return ExtractionReply(outcome: verdict.outcome, detail: verdict.detail)
        }
        guard verdict.metadata.pageCount == pageStarts.count else { throw WireViolation("a wrong count of pages") }
        guard text.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw WireViolation("success without text")
        }
        let found = ExtractedText(text: text, pageStarts: pageStarts, metadata: verdict.metadata)
        return ExtractionReply(outcome: .ok, text: found, detail: verdict.detail)
    }
}
