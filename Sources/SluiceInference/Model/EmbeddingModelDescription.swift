/// What must be known of a model to use its vectors.
package struct EmbeddingModelDescription: Hashable, Sendable {
    /// For people: `all-MiniLM-L6-v2`.
    package let name: String
    /// Numbers of a vector.
    package let dimension: Int
    /// The most tokens of a text, special tokens included.
    package let maxTokens: Int
    package let precision: EmbeddingPrecision
    /// Equal for models whose vectors may stand in one index; changes with weights, tokenizer, pooling or precision.
    package let fingerprint: String

    package init(name: String, dimension: Int, maxTokens: Int, precision: EmbeddingPrecision, fingerprint: String) {
        self.name = name
        self.dimension = dimension
        self.maxTokens = maxTokens
        self.precision = precision
        self.fingerprint = fingerprint
    }
}

/// How a model's weights are stored, which says how exactly it must be computed.
package enum EmbeddingPrecision: String, Hashable, Sendable, CaseIterable {
    /// Computed in float32 throughout.
    case float32 = "f32"
    /// Weights in 8 bits; computed in whatever the processor does fastest.
    case int8 = "int8"
}

/// How a text's vector is made of its tokens' vectors.
enum Pooling: String, Sendable {
    /// The mean over the text's tokens.
    case mean
    /// The first token's.
    case cls
}

extension EmbeddingModelDescription {
    /// Reads a model's folder without opening OpenVINO. Blocks for a few small files; where no fingerprint is written down, for
    /// the weights too.
    ///
    /// - Throws: `.modelUnusable`.
    package init(readingDirectory path: String) throws(InferenceError) {
        self = try ModelDirectory(reading: path).description
    }
}
