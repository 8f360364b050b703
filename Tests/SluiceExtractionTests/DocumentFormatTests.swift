import SluiceExtraction
import Testing

@Suite("Judging a document by its bytes")
struct DocumentFormatTests {
    private static func sniff(_ bytes: [UInt8], _ hint: String? = nil) -> DocumentFormat {
        bytes.withUnsafeBytes { DocumentFormat.sniff($0, hint: hint) }
    }

    private static func sniff(_ text: String, _ hint: String? = nil) -> DocumentFormat { sniff(Array(text.utf8), hint) }

    @Test("content decides over the name")
    func content() {
        #expect(Self.sniff("%PDF-1.7\n", "text/plain") == .pdf)
        #expect(Self.sniff("junk before\n%PDF-1.4\n") == .pdf)
        #expect(Self.sniff("How PDFs begin: %PDF-1.4", "text/markdown") == .text(mediaType: "text/markdown"))
        #expect(Self.sniff("no header at all", "application/pdf") == .pdf)
        #expect(Self.sniff([], "application/pdf") == .nothing)
    }

    @Test("Markdown is a matter of the hint")
    func markdown() {
        #expect(Self.sniff("# T", "text/markdown; charset=utf-8") == .text(mediaType: "text/markdown"))
        #expect(Self.sniff("# T", "text/plain") == .text(mediaType: "text/plain"))
        #expect(Self.sniff("# T") == .text(mediaType: "text/plain"))
    }

    @Test(
        "formats without a reader are named, whatever the hint",
        arguments: [
            [0x50, 0x4B, 3, 4], [0x89, 0x50, 0x4E, 0x47], [0xFF, 0xD8, 0xFF, 0xE0], [0x1F, 0x8B, 8],
            Array("{\\rtf1".utf8), Array(" \n<!DOCTYPE HTML>".utf8), Array("\u{FEFF}<html>".utf8),
            Array("<?xml version".utf8),
        ] as [[UInt8]]
    )
    func foreign(bytes: [UInt8]) {
        for hint in [nil, "application/pdf", "text/plain"] {
            guard case .foreign(let name) = Self.sniff(bytes, hint) else {
                Issue.record("\(bytes) with \(hint ?? "no hint") is \(Self.sniff(bytes, hint))")
                continue
            }
            #expect(!name.isEmpty)
        }
    }

    @Test("a PDF that lost its end is told from an untidy one")
    func ending() {
        func isCutOff(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { PDFEnding.isCutOff($0) } }
        #expect(!isCutOff("%PDF-1.4 … startxref\n5\n%%EOF"))
        #expect(!isCutOff("%PDF-1.4 … %%EOF" + String(repeating: "\0", count: 9_000)))
        #expect(!isCutOff("%PDF-1.4 … %%EOF\n<!-- served by a proxy -->"))
        #expect(isCutOff("%PDF-1.4 1 0 obj <<"))
        #expect(isCutOff("%PDF-1.4 %%EOF" + String(repeating: "x", count: 9_000)))
        #expect(isCutOff("%PDF-1.4\n1 0 obj <</Linearized 1/L 5000/O 3>> endobj … %%EOF"))
        #expect(!isCutOff("%PDF-1.4\n1 0 obj <</Linearized 1/L 60/O 3>> endobj … %%EOF"))
    }
}
