import SluiceCore
import SluiceDocuments
import Testing

@Suite("A chunker read back from its fingerprint")
struct ChunkerFingerprintTests {
    @Test("is the same chunker, whatever its separators hold", arguments: 0..<200)
    func roundTrip(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed))
        let pieces = [
            "\n", "\"", "\\", "]", ",", " | ", "\t", "\u{7F}", "é", "😀", ". ", "pattern \"", "u{41}", "n", "",
        ]
        var separators: [Separator] = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
            .literal(
                (0..<Int.random(in: 0...3, using: &generator)).map { _ in pieces.randomElement(using: &generator) ?? ""
                }
                .joined()
            )
        }
        if Bool.random(using: &generator) { separators.append(.pattern(try SeparatorPattern(#"[.!?]\s+"#))) }
        let size = Int.random(in: 1...5_000, using: &generator)
        let chunker = Chunker(
            configuration: try SplitterConfiguration(
                chunkSize: size,
                overlap: Int.random(in: 0...size, using: &generator),
                separators: separators,
                keepSeparator: [.start, .end, .none].randomElement(using: &generator) ?? .start,
                strip: Bool.random(using: &generator)
            )
        )
        let read = try #require(Chunker(fingerprint: chunker.fingerprint), "\(chunker.fingerprint)")
        #expect(read.configuration == chunker.configuration)
    }

    @Test(
        "is none for another algorithm, another version of it, or what was never a fingerprint",
        arguments: [
            "", "test", "recursive/2 size=10 overlap=0 unit=scalar keep=end strip=true separators=[\"\"]",
            "recursive/1 size=10 overlap=11 unit=scalar keep=end strip=true separators=[\"\"]",
            "recursive/1 size=010 overlap=0 unit=scalar keep=end strip=true separators=[\"\"]",
            "recursive/1 size=10 overlap=0 unit=scalar keep=end strip=true separators=[]",
            "recursive/1 size=10 overlap=0 unit=scalar keep=end strip=true separators=[\"a\",]",
            "recursive/1 size=10 overlap=0 unit=scalar keep=end strip=true separators=[\"a]",
            "recursive/1 size=10 overlap=0 unit=scalar keep=end strip=true separators=[\"a\\u{zz}\"]",
            "recursive/1 size=10 overlap=0 unit=byte keep=end strip=true separators=[\"a\"]",
            "recursive/1 size=10 overlap=0 unit=scalar keep=end strip=true separators=[\"a\"] more",
        ]
    )
    func unknown(fingerprint: String) {
        #expect(Chunker(fingerprint: fingerprint) == nil)
    }

    @Test("resized keeps all else; an overlap that is not given shrinks with the size")
    func resized() throws {
        let chunker = Chunker(configuration: .standard)
        let smaller = try chunker.resized(chunkSize: 50, overlap: nil)
        #expect(smaller.configuration.chunkSize == 50 && smaller.configuration.overlap == 50)
        #expect(smaller.configuration.separators == chunker.configuration.separators)
        #expect(try chunker.resized(chunkSize: nil, overlap: 0).configuration.chunkSize == 1_000)
        #expect(try chunker.resized(chunkSize: nil, overlap: nil).fingerprint == chunker.fingerprint)
        #expect(throws: InvalidChunking.self) { try chunker.resized(chunkSize: 0, overlap: nil) }
        #expect(throws: InvalidChunking.self) { try chunker.resized(chunkSize: 10, overlap: 11) }
    }

    @Test("a spec grows by what its chunks advance; one that does not say, not at all")
    func growth() throws {
        func spec(_ size: Int, _ overlap: Int) throws -> IndexVersionSpec {
            IndexVersionSpec(
                model: ModelIdentity(fingerprint: "m", dimension: 8),
                chunkerFingerprint: try Chunker(configuration: .standard)
                    .resized(chunkSize: size, overlap: overlap).fingerprint
            )
        }
        #expect(try spec(500, 50).growth(over: spec(1_000, 100)) == 2)
        #expect(try spec(100, 100).growth(over: spec(100, 0)) == 100)
        var unknown = try spec(10, 0)
        unknown.chunkerFingerprint = "synthetic"
        #expect(try unknown.growth(over: spec(1_000, 0)) == 1)
    }
}
