internal import SluiceCore

/// What a document is, judged by its first bytes; a name only decides between kinds of text and where bytes are
/// ambiguous.
package enum DocumentFormat: Hashable, Sendable {
    case nothing
    case pdf
    case text(mediaType: String)
    /// Known, but without a reader; the name is for people.
    case foreign(String)

    /// - Parameter hint: a media type.
    package static func sniff(_ bytes: UnsafeRawBufferPointer, hint: String?) -> DocumentFormat {
        if bytes.isEmpty { return .nothing }
        let head = Array(bytes.prefix(1_024))
        if head.starts(with: Array("%PDF-".utf8)) { return .pdf }
        if let name = foreignName(head) { return .foreign(name) }
        let isText = hint?.hasPrefix("text/") ?? false
        // Some producers put bytes before the header. A text may well mention it.
        if !isText, head.firstRange(of: Array("%PDF-".utf8)) != nil { return .pdf }
        if hint == MediaType.pdf { return .pdf }
        return .text(mediaType: isMarkdown(hint) ? MediaType.markdown : MediaType.plainText)
    }

    private static func isMarkdown(_ hint: String?) -> Bool {
        guard let type = hint?.split(separator: ";").first else { return false }
        return ["text/markdown", "text/x-markdown"].contains(type.lowercased())
    }

    private static func foreignName(_ head: [UInt8]) -> String? {
        for (magic, name) in magics where head.starts(with: magic) { return name }
        let start = head.drop { $0 <= 0x20 || [0xEF, 0xBB, 0xBF].contains($0) }.prefix(16)
        let text = String(decoding: start, as: UTF8.self).lowercased()
        if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") { return "an HTML page" }
        if text.hasPrefix("<?xml") { return "an XML document" }
        return nil
    }

    private static let magics: [([UInt8], String)] = [
        (Array("PK\u{3}\u{4}".utf8), "a ZIP archive or an Office document"),
        ([0xD0, 0xCF, 0x11, 0xE0], "an older Office document"),
        ([0x89, 0x50, 0x4E, 0x47], "a PNG image"),
        ([0xFF, 0xD8, 0xFF], "a JPEG image"),
        (Array("GIF8".utf8), "a GIF image"),
        ([0x49, 0x49, 0x2A, 0x00], "a TIFF image"),
        ([0x4D, 0x4D, 0x00, 0x2A], "a TIFF image"),
        ([0x1F, 0x8B], "a gzip file"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "an xz file"),
        ([0x28, 0xB5, 0x2F, 0xFD], "a zstd file"),
        ([0x37, 0x7A, 0xBC, 0xAF], "a 7-Zip archive"),
        ([0x7F, 0x45, 0x4C, 0x46], "an executable"),
        (Array("{\\rtf".utf8), "an RTF document"),
        (Array("%!PS".utf8), "a PostScript document"),
    ]
}
