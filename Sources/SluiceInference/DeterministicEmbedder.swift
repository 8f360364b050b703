internal import SluiceSystem

/// An embedder without a model, for tests and trials: a text's vector is a signed hash of its words, so that equal texts have
/// equal vectors and texts that share words are near each other. It knows nothing of meaning.
package struct DeterministicEmbedder: Embedder {
    package let model: EmbeddingModelDescription

    /// - Parameters:
    ///   - dimension: numbers of a vector, 8 or more.
    ///   - maxTokens: words of a text, plus two.
    ///   - salt: embedders with different salts have different fingerprints and vectors, as two models would.
    package init(dimension: Int = 384, maxTokens: Int = 256, salt: UInt64 = 0) {
        precondition(dimension >= 8 && maxTokens > 2, "a dimension of 8 and 3 tokens are the least")
        self.salt = salt
        model = EmbeddingModelDescription(
            name: "deterministic",
            dimension: dimension,
            maxTokens: maxTokens,
            precision: .float32,
            fingerprint: "deterministic/1@\(dimension)#\(salt)"
        )
    }

    private let salt: UInt64

    package func tokenCounts(_ texts: [String]) async throws(InferenceError) -> [Int] {
        texts.map { Self.words(of: $0).count + 2 }
    }

    package func embed(_ texts: [String]) async throws(InferenceError) -> EmbeddingMatrix {
        var values: [Float] = []
        values.reserveCapacity(texts.count * model.dimension)
        var tooLong: [Int] = []
        for (index, text) in texts.enumerated() {
            if Task.isCancelled { throw .cancelled }
            let words = Self.words(of: text)
            if words.count + 2 > model.maxTokens { tooLong.append(index) }
            values += vector(of: words)
        }
        guard tooLong.isEmpty else { throw .tooLong(indices: tooLong, limit: model.maxTokens) }
        return EmbeddingMatrix(count: texts.count, dimension: model.dimension, values: values)
    }

    /// FNV-1a hashes of runs of letters and digits, ASCII letters in lower case. All bytes above ASCII count as letters.
    private static func words(of text: String) -> [UInt64] {
        var words: [UInt64] = []
        var hash: UInt64?
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...:
                let folded = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
                hash = ((hash ?? 0xCBF2_9CE4_8422_2325) ^ UInt64(folded)) &* 0x100_0000_01B3
            default:
                if let word = hash { words.append(word) }
                hash = nil
            }
        }
        if let word = hash { words.append(word) }
        return words
    }

    private func vector(of words: [UInt64]) -> [Float] {
        var sums = [Float](repeating: 0, count: model.dimension)
        for word in words.isEmpty ? [0] : words {
            var state = word ^ salt &* 0x9E37_79B9_7F4A_7C15
            for index in sums.indices {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                // The top 24 bits as a number in -1 ..< 1.
                sums[index] += Float(Int32(truncatingIfNeeded: state >> 40) - 0x80_0000) / 0x80_0000
            }
        }
        let length = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return sums.map { $0 / length }
    }
}
