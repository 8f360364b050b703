package import SluiceCore
internal import SluiceSystem

/// Turns a document's text into chunks. Pure: the same text and configuration give the same chunks, everywhere.
///
/// The whole text is cut at once, so that page borders never cut a sentence.
package struct Chunker: Sendable {
    package let configuration: SplitterConfiguration

    package init(configuration: SplitterConfiguration = .standard) {
        self.configuration = configuration
    }

    /// Names algorithm and parameters: two chunkers with one fingerprint make the same chunks of the same text.
    package var fingerprint: String {
        let separators = configuration.separators.map { separator in
            switch separator {
            case .literal(let text): Self.quoted(text)
            case .pattern(let pattern): "pattern " + Self.quoted(pattern.source)
            }
        }
        return "recursive/1 size=\(configuration.chunkSize) overlap=\(configuration.overlap) unit=scalar"
            + " keep=\(configuration.keepSeparator.rawValue) strip=\(configuration.strip)"
            + " separators=[\(separators.joined(separator: ","))]"
    }

    /// The document's chunks in its order. None when the text is white space only.
    ///
    /// With separators dropped (`.none`), a chunk still is the document's own text, so that it can be longer than the chunk
    /// size by the separators between its parts.
    package func chunk(_ text: ExtractedText) -> [ChunkDraft] {
        let pages = PageMap(starts: text.pageStarts)
        let headings = text.metadata.mediaType == "text/markdown" ? MarkdownHeadings(of: text.text) : nil
        return RecursiveSplitter(configuration: configuration).withSpans(of: text.text) { source, spans in
            var drafts: [ChunkDraft] = []
            drafts.reserveCapacity(spans.count)
            for span in spans {
                drafts.append(
                    ChunkDraft(
                        ordinal: drafts.count,
                        text: source.string(span.bytes),
                        charFrom: span.chars.lowerBound,
                        charTo: span.chars.upperBound,
                        pageFrom: pages.page(at: span.chars.lowerBound),
                        pageTo: pages.page(at: span.chars.upperBound - 1),
                        headingPath: headings?.path(at: span.chars.lowerBound) ?? [],
                        contentHash: SHA256Digest(of: source.slice(span.bytes))
                    )
                )
            }
            return drafts
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\"", "\\": result += "\\" + String(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
