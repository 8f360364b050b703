import SluiceDocuments
import SluiceSystem
import Testing

@Suite("The recursive splitter")
struct ChunkingSplitterTests {
    @Test("equals LangChain on every golden case", arguments: try SplitterCases.load("splitter-golden.json"))
    func golden(_ example: SplitterCases.Case) throws {
        let splitter = RecursiveSplitter(configuration: try example.args.configuration())
        #expect(splitter.split(example.text).map(\.text) == example.chunks)
    }

    @Test("equals LangChain on random texts and parameters")
    func random() throws {
        // A larger set made the same way can be named in the environment.
        let file = Environment.value("SLUICE_TEST_SPLITTER_CASES") ?? "splitter-random.json"
        let cases = try SplitterCases.load(file)
        #expect(cases.count >= 400)
        for example in cases {
            let splitter = RecursiveSplitter(configuration: try example.args.configuration())
            let pieces = splitter.split(example.text)
            let isEqual = pieces.map { Array($0.text.utf8) } == example.chunks.map { Array($0.utf8) }
            #expect(
                isEqual,
                "\(example.text.debugDescription) \(example.args): \(pieces.map(\.text)) not \(example.chunks)"
            )
            let scalars = Array(example.text.unicodeScalars)
            for piece in pieces where splitter.configuration.keepSeparator != .none {
                #expect(Array(piece.text.unicodeScalars) == Array(scalars[piece.charFrom..<piece.charTo]), "\(example)")
            }
        }
    }

    @Test("knows where a piece lies when separators are dropped")
    func droppedSeparators() throws {
        let splitter = RecursiveSplitter(
            configuration: try SplitterConfiguration(chunkSize: 6, overlap: 0, separators: ["--"], keepSeparator: .none)
        )
        let pieces = splitter.split("é1------b2--c3")
        #expect(pieces.map(\.text) == ["é1--b2", "c3"])
        #expect(pieces.map(\.charFrom) == [0, 12])
        #expect(pieces.map(\.charTo) == [10, 14])
    }

    @Test("true offsets where LangChain's start_index is wrong")
    func trueOffsets() throws {
        let splitter = RecursiveSplitter(
            configuration: try SplitterConfiguration(chunkSize: 5, overlap: 5, separators: [" ", ""])
        )
        let pieces = splitter.split("chunk chunk")
        #expect(pieces.map(\.text) == ["chunk", "chun", "chunk"])
        // The second comes from " chunk", cut anywhere: " chun" without its space, then "chunk" again.
        #expect(pieces.map(\.charFrom) == [0, 6, 6])
        #expect(pieces.map(\.charTo) == [5, 10, 11])
    }

    @Test("a long text without separators takes linear time")
    func noQuadraticBehaviour() throws {
        let splitter = RecursiveSplitter(
            configuration: try SplitterConfiguration(chunkSize: 4_000, overlap: 3_999, separators: ["x", " ", ""])
        )
        let words = String(repeating: "ab ", count: 20_000)
        let pieces = splitter.split(words)
        #expect(pieces.last?.charTo == 59_999)
        let plain = String(repeating: "漢", count: 300_000)
        let standard = RecursiveSplitter(configuration: .standard).split(plain)
        #expect(standard.count == (300_000 - 1_000 + 899) / 900 + 1)
        #expect(standard.map(\.charFrom).elementsEqual((0..<standard.count).map { $0 * 900 }))
    }

    @Test("refuses what makes no sense")
    func refusals() {
        #expect(throws: InvalidChunking.chunkSize(0)) { try SplitterConfiguration(chunkSize: 0, overlap: 0) }
        #expect(throws: InvalidChunking.overlap(11, chunkSize: 10)) {
            try SplitterConfiguration(chunkSize: 10, overlap: 11)
        }
        #expect(throws: InvalidChunking.overlap(-1, chunkSize: 10)) {
            try SplitterConfiguration(chunkSize: 10, overlap: -1)
        }
        for source in ["(a)", "a|b", "^a", "a$", "a*", "a{0,3}", "\\b", "[", "[]", "a{3,1}", "", "\\", "*"] {
            #expect(throws: InvalidChunking.pattern(source)) { try SeparatorPattern(source) }
        }
    }
}
