internal import SluiceCore
package import SluiceInference

/// Makes vectors of questions: the model that an index version was embedded with, wherever it runs.
public struct QuestionModel: Sendable {
    /// Of its vectors.
    public let fingerprint: String
    public let dimension: Int
    private let make: @Sendable (String) async throws -> [Float]

    /// - Parameters:
    ///   - fingerprint: as `workerctl indexes show` names the version's model. A version with another one is not asked with its vectors.
    ///   - dimension: numbers of a vector, as the version has them.
    ///   - embed: a vector of unit length. Whatever it throws is the search's failure.
    public init(
        fingerprint: String,
        dimension: Int,
        embed: @escaping @Sendable (_ question: String) async throws -> [Float]
    ) {
        self.fingerprint = fingerprint
        self.dimension = dimension
        make = embed
    }
}

extension QuestionModel: Embedder {
    package var model: EmbeddingModelDescription {
        EmbeddingModelDescription(
            name: "the application's",
            dimension: dimension,
            maxTokens: Int.max,
            precision: .float32,
            fingerprint: fingerprint
        )
    }

    /// Nobody asks: questions are not cut.
    package func tokenCounts(_ texts: [String]) async throws(InferenceError) -> [Int] {
        texts.map(\.unicodeScalars.count)
    }

    package func embed(_ texts: [String]) async throws(InferenceError) -> EmbeddingMatrix {
        var values: [Float] = []
        for (place, text) in texts.enumerated() {
            let vector: [Float]
            do {
                vector = try await make(text)
            } catch is CancellationError {
                throw .cancelled
            } catch {
                // What another's error says is not known to be safe to log.
                throw .remote(
                    host: "the application",
                    reason: "it threw \(type(of: error))",
                    isTransient: error.isTransientFailure
                )
            }
            guard vector.count == dimension else {
                throw .remote(
                    host: "the application",
                    reason: "a vector of \(vector.count) numbers came, not of \(dimension)",
                    isTransient: false
                )
            }
            guard vector.allSatisfy(\.isFinite), vector.contains(where: { $0 != 0 }) else {
                throw .nonFinite(indices: [place])
            }
            values += vector
        }
        return EmbeddingMatrix(count: texts.count, dimension: dimension, values: values)
    }
}
