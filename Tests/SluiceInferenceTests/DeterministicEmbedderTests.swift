import SluiceInference
import Testing

@Suite("The embedder without a model")
struct DeterministicEmbedderTests {
    @Test("equal texts are equal, texts that share words are near, others are not")
    func similarity() async throws {
        let embedder = DeterministicEmbedder(dimension: 384)
        let matrix = try await embedder.embed([
            "the red house", "The RED house!", "a red house", "quantum flux", "", "",
        ])
        #expect(matrix.count == 6 && matrix.dimension == 384)
        #expect(Array(matrix[0]) == Array(matrix[1]))
        #expect(matrix.similarity(0, 2) > 0.5)
        #expect(abs(matrix.similarity(0, 3)) < 0.3)
        #expect(Array(matrix[4]) == Array(matrix[5]))
        for row in 0..<matrix.count { #expect(abs(matrix.similarity(row, row) - 1) < 1e-5) }
    }

    @Test("is another model with another salt or dimension")
    func fingerprints() async throws {
        let first = DeterministicEmbedder(salt: 1)
        let second = DeterministicEmbedder(salt: 2)
        #expect(first.model.fingerprint != second.model.fingerprint)
        #expect(DeterministicEmbedder(dimension: 8).model.fingerprint != DeterministicEmbedder().model.fingerprint)
        let similarity = zip(try await first.embed(["word"])[0], try await second.embed(["word"])[0])
            .reduce(Float(0)) { $0 + $1.0 * $1.1 }
        #expect(abs(similarity) < 0.3)
    }

    @Test("counts words and refuses what is too long")
    func tooLong() async throws {
        let embedder = DeterministicEmbedder(maxTokens: 5)
        #expect(try await embedder.tokenCounts(["", "a b", "a b c", "a-b c.d"]) == [2, 4, 5, 6])
        await #expect(throws: InferenceError.tooLong(indices: [1], limit: 5)) {
            try await embedder.embed(["a", "a b c d"])
        }
    }
}
