import Glibc
import SluiceCore
import SluicePipeline
import Testing

@Suite("Documents through the confined extractor", .timeLimit(.minutes(2)))
struct ExtractorDocumentTests {
    @Test(
        "every fixture ends as it should",
        arguments: [
            ("three-pages.pdf", .ok), ("empty-password.pdf", .ok), ("damaged-table.pdf", .ok), ("rotated.pdf", .ok),
            ("form.pdf", .ok), ("image-and-text.pdf", .ok), ("handbook.md", .ok), ("truncated.pdf", .corrupt),
            ("user-password.pdf", .encrypted), ("no-text.pdf", .empty), ("no-pages.pdf", .empty),
            ("image-only.pdf", .needsOCR),
        ] as [(String, ExtractionOutcome)]
    )
    func outcome(name: String, expected: ExtractionOutcome) async throws {
        let reply = try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            try await pool.extract(path: ExtractorFixture.path(name), limits: ExtractorFixture.limits)
        }
        #expect(reply.outcome == expected, "\(reply.detail)")
        #expect((reply.text != nil) == (expected == .ok))
        #expect(!reply.detail.isEmpty)
    }

    @Test("a PDF's pages, paragraphs and metadata arrive", arguments: ["three-pages.pdf", "empty-password.pdf"])
    func pages(name: String) async throws {
        let reply = try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            try await pool.extract(path: ExtractorFixture.path(name), limits: ExtractorFixture.limits)
        }
        let found = try #require(reply.text)
        let pages = [
            "First heading\n\nThe first paragraph of the first page goes on\nfor a second line and ends here.\n\n"
                + "The second paragraph speaks of a café.\n",
            "A sentence that begins on page two and goes on\n",
            "on page three, where it ends.\n",
        ]
        #expect(found.text == pages.joined())
        let lengths = pages.map(\.unicodeScalars.count)
        #expect(found.pageStarts == [0, lengths[0], lengths[0] + lengths[1]])
        #expect(found.metadata.title == "Café rules")
        #expect(found.metadata.author == "A. Writer")
        #expect(found.metadata.createdAt == 1_709_204_400)
        #expect(found.metadata.modifiedAt == 1_709_251_200)
        #expect(found.metadata.mediaType == "application/pdf")
        #expect(found.metadata.pageCount == 3)
    }

    @Test("the right password opens, a wrong one does not, and a child that saw one is replaced")
    func passwords() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let path = ExtractorFixture.path("user-password.pdf")
            let limits = ExtractorFixture.limits
            let wrong = try await pool.extract(path: path, passwords: ["guess", "Open Sesame"], limits: limits)
            #expect(wrong.outcome == .encrypted)
            #expect(!wrong.detail.contains("guess"))
            let right = try await pool.extract(path: path, passwords: ["guess", "open sesame"], limits: limits)
            #expect(right.text?.metadata.title == "Café rules")
            _ = try await pool.extract(
                path: ExtractorFixture.path("rotated.pdf"),
                passwords: ["unneeded"],
                limits: limits
            )
            _ = try await pool.extract(path: ExtractorFixture.path("rotated.pdf"), limits: limits)
            let statistics = pool.statistics()
            #expect(statistics.childrenStarted == 3)
            #expect(statistics.childrenReplaced == 2)
            #expect(statistics.documents == 4)
        }
    }

    @Test("text keeps its characters, whatever its encoding")
    func text() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let latin: [UInt8] = Array("Caf".utf8) + [0xE9] + Array("\r\nnext".utf8)
            let reply = try await ExtractorFixture.withFile(latin) { try await pool.extract(path: $0, limits: .init()) }
            #expect(reply.text?.text == "Café\r\nnext")
            #expect(reply.text?.pageStarts == [])
            #expect(reply.text?.metadata.mediaType == "text/plain")
            let markdown = try await pool.extract(path: ExtractorFixture.path("handbook.md"), limits: .init())
            #expect(markdown.text?.metadata.title == "The Handbook")
            #expect(markdown.text?.metadata.mediaType == "text/markdown")
            #expect(markdown.text?.text.hasPrefix("---\ntitle:") == true)
        }
    }

    @Test("a form's values and a mixed document's gaps are told")
    func formsAndImages() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let form = try await pool.extract(path: ExtractorFixture.path("form.pdf"), limits: .init())
            #expect(form.text?.text == "Application\nName of the applicant: Ada Lovelace\n")
            let mixed = try await pool.extract(path: ExtractorFixture.path("image-and-text.pdf"), limits: .init())
            #expect(mixed.text?.pageStarts == [0, 0])
            #expect(mixed.detail.contains("1 of them hold images and no text"))
        }
    }

    @Test("what is no document is said to be so")
    func noDocuments() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let cases: [([UInt8], String, ExtractionOutcome)] = [
                ([], ".pdf", .empty), ([], ".txt", .empty), (Array(" \n\t".utf8), ".txt", .empty),
                (Array("just words".utf8), ".pdf", .corrupt), ([0x50, 0x4B, 3, 4, 0, 0], ".pdf", .unsupported),
                (Array("<html>hi".utf8), ".txt", .unsupported), ((0..<255).map { $0 }, "", .unsupported),
                (Array("%PDF-1.4\n%%EOF\n".utf8), ".pdf", .corrupt),
            ]
            for (bytes, suffix, expected) in cases {
                let reply = try await ExtractorFixture.withFile(bytes, suffix: suffix) {
                    try await pool.extract(path: $0, limits: .init())
                }
                #expect(reply.outcome == expected, "\(bytes.prefix(20)) as '\(suffix)': \(reply.detail)")
            }
            let device = try await pool.extract(path: "/dev/null", limits: .init())
            #expect(device.outcome == .unsupported)
        }
    }

    @Test("limits of bytes, pages and characters")
    func limits() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let path = ExtractorFixture.path("three-pages.pdf")
            for limits in [
                ExtractionLimits(maxBytes: 2_000), ExtractionLimits(maxPages: 2), ExtractionLimits(maxCharacters: 150),
            ] {
                #expect(try await pool.extract(path: path, limits: limits).outcome == .tooLarge)
            }
            let just = ExtractionLimits(maxPages: 3, maxCharacters: 211)
            #expect(try await pool.extract(path: path, limits: just).outcome == .ok)
            let statistics = pool.statistics()
            #expect(statistics.childrenStarted == 1)
        }
    }

    @Test("an open descriptor is read wherever it stands, and stays open where it was")
    func descriptor() async throws {
        try await ExtractorFixture.withPool { (pool: ExtractorPool) async throws in
            let descriptor = open(ExtractorFixture.path("handbook.md"), O_RDONLY)
            defer { close(descriptor) }
            #expect(lseek(descriptor, 20, SEEK_SET) == 20)
            let reply = try await pool.extract(descriptor: descriptor, mediaTypeHint: nil, limits: .init())
            #expect(reply.text?.text.hasPrefix("---") == true)
            #expect(lseek(descriptor, 0, SEEK_CUR) == 20)
        }
    }

    @Test("a file that is not there is the worker's fault and not the document's")
    func missingFile() async throws {
        await #expect(throws: ExtractorError.self) {
            try await ExtractorFixture.withPool { try await $0.extract(path: "/nowhere/at.all", limits: .init()) }
        }
    }
}
