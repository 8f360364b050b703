/// Texts in, vectors out. Safe to call from many tasks at once.
package protocol Embedder: Sendable {
    var model: EmbeddingModelDescription { get }

    /// How many tokens the model would see of each text, special tokens included, nothing truncated. In the texts' order.
    func tokenCounts(_ texts: [String]) async throws(InferenceError) -> [Int]

    /// One vector a text, in the texts' order. A text is never truncated.
    ///
    /// Blocks no thread of the cooperative pool. Ends early when the calling task is cancelled.
    ///
    /// - Throws: `.tooLong` before anything was computed; `.nonFinite`, `.runtime`, `.cancelled`.
    func embed(_ texts: [String]) async throws(InferenceError) -> EmbeddingMatrix
}
