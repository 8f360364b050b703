import SluiceInference
import SluiceSystem
import Testing

@Suite("The real model", .enabled(if: ModelUnderTest.isWanted))
struct OpenVINOEmbedderTests {
    /// The model card's sentences and what sentence-transformers says of the first against the others.
    private static let sentences = [
        "That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day",
    ]
    private static let similarities: [Float] = [0.6946, 0.9429, 0.2569]

    @Test("float32 gives the published similarities to a thousandth")
    func float32() async throws {
        let embedder = try await ModelUnderTest.float32.embedder()
        #expect(embedder.model.dimension == 384 && embedder.model.maxTokens == 256)
        #expect(embedder.model.precision == .float32)
        let matrix = try await embedder.embed(Self.sentences)
        for (index, expected) in Self.similarities.enumerated() {
            #expect(abs(matrix.similarity(0, index + 1) - expected) < 1e-3)
        }
    }

    @Test("int8 is near float32")
    func int8() async throws {
        let exact = try await ModelUnderTest.float32.embedder().embed(Self.sentences)
        let embedder = try await ModelUnderTest.int8.embedder()
        #expect(embedder.model.precision == .int8)
        let matrix = try await embedder.embed(Self.sentences)
        for row in 0..<4 {
            let cosine = zip(exact[row], matrix[row]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
            #expect(cosine > 0.97)
        }
        #expect(try await ModelUnderTest.float32.embedder().model.fingerprint != embedder.model.fingerprint)
    }

    @Test("a text's vector does not depend on its company, and comes back in its place")
    func order() async throws {
        let embedder = try await ModelUnderTest.float32.embedder()
        let texts = (0..<40).map { index in
            String(repeating: "The retention period of record \(index) ends. ", count: 1 + index * 7 % 20)
        }
        let together = try await embedder.embed(texts)
        #expect(together.count == 40)
        for index in [0, 7, 19, 39] {
            let alone = try await embedder.embed([texts[index]])
            let cosine = zip(alone[0], together[index]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
            #expect(cosine > 0.9999)
        }
        for row in 0..<40 { #expect(abs(together.similarity(row, row) - 1) < 1e-4) }
    }

    @Test("tokens are counted as the model's own tokenizer counts them, and never truncated")
    func tokenCounts() async throws {
        let embedder = try await ModelUnderTest.float32.embedder()
        let long = String(repeating: "word ", count: 3_000)
        let counts = try await embedder.tokenCounts([
            "", " ", "That is a happy person", "embeddings", "a\u{0}b", long, "漢字", "x\u{301}y",
        ])
        // "embeddings" is em ##bed ##ding ##s; a zero byte is dropped; each ideograph is a token; xy is x ##y.
        #expect(counts == [2, 2, 7, 6, 3, 3_002, 4, 4])
        #expect(try await embedder.tokenCounts([]) == [])
    }

    @Test("over-long texts are named, and nothing is embedded")
    func tooLong() async throws {
        let embedder = try await ModelUnderTest.float32.embedder()
        let just = String(repeating: "word ", count: 254)
        #expect(try await embedder.embed([just]).count == 1)
        await #expect(throws: InferenceError.tooLong(indices: [1, 3], limit: 256)) {
            try await embedder.embed(["short", just + "word", "short", just + just])
        }
    }

    @Test("empty texts, zero bytes and odd scalars have vectors")
    func oddTexts() async throws {
        let embedder = try await ModelUnderTest.float32.embedder()
        let texts = ["", "\u{0}", "a\u{0}b", "ab", "\u{200B}", "👩‍👩‍👧", "\u{FFFD}\u{7}\u{1B}[0m", "\n\n\t "]
        let matrix = try await embedder.embed(texts)
        #expect(matrix.values.allSatisfy { $0.isFinite })
        #expect(matrix.similarity(0, 1) > 0.9999)
        #expect(matrix.similarity(2, 3) > 0.9999)
        #expect(try await embedder.embed([]).count == 0)
    }

    @Test("many callers at once each get their own vectors")
    func concurrency() async throws {
        let embedder = try await ModelUnderTest.int8.embedder()
        let words = ["river", "tax", "engine", "violin", "harvest", "court", "galaxy", "bread"]
        let expected = try await embedder.embed(words)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 0..<48 {
                group.addTask {
                    let index = round % words.count
                    let matrix = try await embedder.embed([words[index], words[(index + 1) % words.count]])
                    for (row, word) in [index, (index + 1) % words.count].enumerated() {
                        let cosine = zip(matrix[row], expected[word]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
                        #expect(cosine > 0.99)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a cancelled caller gets an answer, and the others theirs")
    func cancellation() async throws {
        let embedder = try await ModelUnderTest.int8.embedder()
        let texts = (0..<400).map { "\($0) " + String(repeating: "many words of text ", count: 40) }
        let long = Task { try await embedder.embed(texts) }
        let other = Task { try await embedder.embed(["one other"]) }
        long.cancel()
        await #expect(throws: InferenceError.cancelled) { try await long.value }
        #expect(try await other.value.count == 1)
    }

    @Test("a small call overtakes a large one")
    func fairness() async throws {
        let embedder = try await ModelUnderTest.load(.int8, streams: 1, batchTokens: 1_024)
        let texts = (0..<160).map { "\($0) " + String(repeating: "many words of text ", count: 40) }
        let finished = Finished()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = try await embedder.embed(texts)
                await finished.add("large")
            }
            // The tokenizer serves callers in turn; once it has served this one, the large call has been served before.
            _ = try await embedder.tokenCounts(texts)
            group.addTask {
                _ = try await embedder.embed(["small"])
                await finished.add("small")
            }
            try await group.waitForAll()
        }
        #expect(await finished.names == ["small", "large"])
    }

    private actor Finished {
        var names: [String] = []
        func add(_ name: String) { names.append(name) }
    }
}
