import SluiceCore
import SluiceDocuments
import SluiceSystem
import Testing

@Suite("The chunker")
struct ChunkingChunkerTests {
    @Test("every chunk is the document's own text, on its own pages, and no character is lost", arguments: 0..<60)
    func properties(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed))
        let text = multilingualText(words: Int.random(in: 0...800, using: &generator), using: &generator)
        let scalars = Array(text.unicodeScalars)
        let size = Int.random(in: 1...300, using: &generator)
        let chunker = Chunker(
            configuration: try SplitterConfiguration(
                chunkSize: size,
                overlap: Int.random(in: 0...size, using: &generator),
                separators: SplitterConfiguration.standard.separators,
                keepSeparator: [.start, .end].randomElement(using: &generator) ?? .start,
                strip: Bool.random(using: &generator)
            )
        )
        let starts = [0] + (0..<7).map { _ in Int.random(in: 0...scalars.count, using: &generator) }.sorted()
        let drafts = chunker.chunk(document(text, pageStarts: starts))
        #expect(drafts == chunker.chunk(document(text, pageStarts: starts)))
        #expect(drafts.map(\.ordinal) == Array(drafts.indices))

        var covered = [Bool](repeating: false, count: scalars.count)
        for draft in drafts {
            #expect(draft.charFrom < draft.charTo && draft.charTo - draft.charFrom <= size)
            #expect(Array(draft.text.unicodeScalars) == Array(scalars[draft.charFrom..<draft.charTo]))
            #expect(draft.contentHash == SHA256Digest(ofText: draft.text))
            #expect(draft.pageFrom == starts.lastIndex { $0 <= draft.charFrom }.map { $0 + 1 })
            #expect(draft.pageTo == starts.lastIndex { $0 < draft.charTo }.map { $0 + 1 })
            for index in draft.charFrom..<draft.charTo { covered[index] = true }
        }
        for index in covered.indices where !covered[index] {
            #expect(scalars[index].properties.isWhitespace || (0x1C...0x1F).contains(scalars[index].value))
        }
    }

    @Test("formats without pages have none")
    func withoutPages() {
        let drafts = Chunker().chunk(document("one. two"))
        #expect(drafts.map(\.text) == ["one. two"])
        #expect(drafts[0].pageFrom == nil && drafts[0].pageTo == nil && drafts[0].headingPath.isEmpty)
        #expect(Chunker().chunk(document(" \n \u{3000}\n")).isEmpty)
        #expect(Chunker().chunk(document("", pageStarts: [0, 0])).isEmpty)
    }

    @Test("the default cuts at sentences and keeps their full stops")
    func sentences() throws {
        let chunker = Chunker(
            configuration: try SplitterConfiguration(
                chunkSize: 30,
                overlap: 0,
                separators: SplitterConfiguration.standard.separators,
                keepSeparator: .end
            )
        )
        let drafts = chunker.chunk(document("First of them here. Second one comes. Third is last."))
        #expect(drafts.map(\.text) == ["First of them here.", "Second one comes.", "Third is last."])
    }

    @Test("the fingerprint names all that matters and stays as it is")
    func fingerprint() throws {
        #expect(
            Chunker().fingerprint
                == #"recursive/1 size=1000 overlap=100 unit=scalar keep=end strip=true separators=["\n\n","\n",". "," ",""]"#
        )
        let other = Chunker(
            configuration: try SplitterConfiguration(
                chunkSize: 10,
                overlap: 0,
                separators: [.pattern(try SeparatorPattern("\\d+")), "\t\""]
            )
        )
        #expect(other.fingerprint.hasSuffix(#"separators=[pattern "\\d+","\u{9}\""]"#))
    }

    @Test("Markdown chunks know the headings above them")
    func headings() throws {
        let text = """
            ---
            title: Not a heading
            ---
            before any

            # One #
            text one

            Sub
            ---
            text sub

            ```sh
            # a comment, no heading
            ```
            ### Deep
            text deep

            ## Two
            text two

            Top
            ===
            - item
            ---
            last
            """
        let chunker = Chunker(configuration: try SplitterConfiguration(chunkSize: 12, overlap: 0, separators: ["\n"]))
        let drafts = chunker.chunk(document(text, mediaType: "text/markdown"))
        func path(_ text: String) -> [String]? { drafts.first { $0.text.contains(text) }?.headingPath }
        #expect(path("before any") == [])
        #expect(path("# One") == ["One"])
        #expect(path("text one") == ["One"])
        #expect(path("text sub") == ["One", "Sub"])
        #expect(path("# a comment") == ["One", "Sub"])
        #expect(path("text deep") == ["One", "Sub", "Deep"])
        #expect(path("text two") == ["One", "Two"])
        #expect(path("- item") == ["Top"])
        #expect(path("last") == ["Top"])
        #expect(chunker.chunk(document(text)).allSatisfy { $0.headingPath.isEmpty })
        let unclosed = chunker.chunk(document("---\n# Real\ntext", mediaType: "text/markdown"))
        #expect(unclosed.last?.headingPath == ["Real"])
    }

    @Test("over-long chunks are split until they fit, without losing text", arguments: 0..<20)
    func fitting(seed: Int) async throws {
        var generator = SeededGenerator(state: UInt64(1_000 + seed))
        let text = multilingualText(words: 600, using: &generator)
        let scalars = Array(text.unicodeScalars)
        let starts = [0, 300, 600, 601]
        // Without "" in the list, pieces can be as long as they like.
        let chunker = Chunker(
            configuration: try SplitterConfiguration(
                chunkSize: 400,
                overlap: 40,
                separators: ["\n\n"],
                keepSeparator: .end
            )
        )
        let chunks = chunker.chunk(document(text, pageStarts: starts))
        var rounds = 0
        let (fitted, resplit) = await chunker.fitting(chunks, pageStarts: starts, limit: 90) { texts in
            rounds += 1
            return texts.map(\.utf8.count)
        }
        #expect(resplit == chunks.count { $0.text.utf8.count > 90 })
        #expect(rounds <= 12)
        #expect(fitted.map(\.ordinal) == Array(fitted.indices))
        #expect(fitted.allSatisfy { $0.text.utf8.count <= 90 })
        for draft in fitted {
            #expect(Array(draft.text.unicodeScalars) == Array(scalars[draft.charFrom..<draft.charTo]))
            #expect(draft.pageFrom == starts.lastIndex { $0 <= draft.charFrom }.map { $0 + 1 })
            #expect(draft.pageTo == starts.lastIndex { $0 < draft.charTo }.map { $0 + 1 })
        }
        func visible(_ drafts: [ChunkDraft]) -> Set<Int> {
            Set(drafts.flatMap { $0.charFrom..<$0.charTo }).filter { !scalars[$0].properties.isWhitespace }
        }
        #expect(visible(fitted) == visible(chunks))
        let alone = chunks.flatMap { chunk in
            chunker.resplit(chunk, pageStarts: starts) { $0.utf8.count <= 90 }
        }
        #expect(alone.allSatisfy { $0.text.utf8.count <= 90 })
        #expect(visible(alone) == visible(chunks))
    }

    @Test("a character that can never fit ends the splitting")
    func hopeless() async {
        let chunks = Chunker().chunk(document("ab cd"))
        let (fitted, _) = await Chunker().fitting(chunks, limit: 0) { $0.map { _ in 1 } }
        #expect(fitted.map(\.text) == ["a", "b", "c", "d"])
    }
}
