internal import SluiceInference

/// Makes the vectors of questions, by whichever of the process's models the asked version has.
struct QueryModels: Sendable {
    private let embedders: [any Embedder]

    init(_ embedders: [any Embedder]) { self.embedders = embedders }

    /// What is asked for in vain.
    var fingerprints: [String] { embedders.map(\.model.fingerprint) }

    /// The model that any version must have, when there is only one: its vector need not wait for the version to be known.
    var only: String? { embedders.count == 1 ? embedders[0].model.fingerprint : nil }

    /// Nil when the process has no such model.
    func vector(of text: String, by model: String) async throws(InferenceError) -> QueryVector? {
        guard let embedder = embedders.first(where: { $0.model.fingerprint == model }) else { return nil }
        return QueryVector(values: Array(try await embedder.embed([text])[0]), model: model)
    }
}

/// A question as a vector.
struct QueryVector: Sendable {
    let values: [Float]
    /// Which model made it; nil when the caller gave it.
    let model: String?
}
