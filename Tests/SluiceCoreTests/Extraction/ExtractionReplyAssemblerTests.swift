import SluiceCore
import Testing

@Suite("Putting a reply together from a child that may lie")
struct ExtractionReplyAssemblerTests {
    private static func verdict(
        _ outcome: ExtractionOutcome = .ok,
        pages: Int = 0,
        characters: Int
    ) -> ExtractionFrame {
        let metadata = DocumentMetadata(mediaType: "text/plain", pageCount: pages)
        return ExtractionVerdict(outcome: outcome, detail: "d", metadata: metadata, characters: characters).frame
    }

    private static func page(_ text: String) -> ExtractionFrame { ExtractionFrame(.page, body: Array(text.utf8)) }
    private static func text(_ text: String) -> ExtractionFrame { ExtractionFrame(.text, body: Array(text.utf8)) }

    private static func assemble(
        _ frames: [ExtractionFrame],
        limits: ExtractionLimits = .init()
    ) throws -> ExtractionReply? {
        var assembler = ExtractionReplyAssembler(limits: limits)
        for frame in frames {
            if let reply = try assembler.take(frame) { return reply }
        }
        return nil
    }

    @Test("page starts count scalars, over continued and empty pages")
    func pageStarts() throws {
        let frames = [
            Self.page("é😀\n"), Self.text("more\n"), Self.page(""), Self.page("third"),
            Self.verdict(pages: 3, characters: 13),
        ]
        let reply = try #require(try Self.assemble(frames))
        #expect(reply.outcome == .ok)
        #expect(reply.text?.text == "é😀\nmore\nthird")
        #expect(reply.text?.pageStarts == [0, 8, 8])
    }

    @Test("text without pages has no page starts")
    func unpaged() throws {
        let reply = try Self.assemble([Self.text("a\r\n"), Self.text("b"), Self.verdict(characters: 4)])
        #expect(reply?.text?.text == "a\r\nb")
        #expect(reply?.text?.pageStarts == [])
    }

    @Test("a combining mark in the next frame still counts as one scalar more")
    func combiningAcrossFrames() throws {
        let frames = [Self.page("e"), Self.page("\u{301}x"), Self.verdict(pages: 2, characters: 3)]
        let text = try #require(try Self.assemble(frames)?.text)
        #expect(text.pageStarts == [0, 1])
        #expect(text.text.unicodeScalars.count == 3)
    }

    @Test("an outcome other than ok carries no text")
    func noTextWithoutSuccess() throws {
        let reply = try Self.assemble([Self.page("leftover"), Self.verdict(.tooLarge, pages: 9, characters: 8)])
        #expect(reply == ExtractionReply(outcome: .tooLarge, text: nil, detail: "d"))
    }

    static let lies: [(String, [ExtractionFrame])] = [
        ("success without text", [verdict(characters: 0)]),
        ("success with blanks only", [text(" \n\t\u{3000}"), verdict(characters: 4)]),
        ("a wrong count of characters", [text("ab"), verdict(characters: 3)]),
        ("a wrong count of pages", [page("ab"), verdict(pages: 2, characters: 2)]),
        ("pages that were not sent", [text("ab"), verdict(pages: 1, characters: 2)]),
        ("a page after unpaged text", [text("a"), page("b")]),
        ("text with U+0000", [text("a\0b")]),
        ("broken UTF-8", [ExtractionFrame(.text, body: [0xC3])]),
        ("a surrogate", [ExtractionFrame(.text, body: [0xED, 0xA0, 0x80])]),
        ("a greeting in the middle", [ExtractorGreeting(confinement: [], reader: "r").frame]),
        ("a request from the child", [ExtractionRequest(limits: .init()).frame]),
        ("more text than the limit", [text("12345678901")]),
        ("more pages than the limit", [page("1"), page("2"), page("3"), page("4")]),
    ]

    @Test("every lie is found out", arguments: lies.map(\.0))
    func lie(name: String) throws {
        let frames = try #require(Self.lies.first { $0.0 == name }?.1)
        let limits = ExtractionLimits(maxPages: 3, maxCharacters: 10)
        #expect(throws: WireViolation.self) { try Self.assemble(frames, limits: limits) }
    }
}
