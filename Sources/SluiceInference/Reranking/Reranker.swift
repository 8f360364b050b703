/// Judges how well passages answer a question, each read together with it: slower than comparing vectors, and better.
package protocol Reranker: Sendable {
    /// What judges, for traces and reports.
    var name: String { get }

    /// One score a passage, in their order, higher is better; comparable within one answer only.
    ///
    /// Blocks no thread of the cooperative pool. Ends early when the calling task is cancelled. Passages longer than the model
    /// reads are cut.
    func scores(_ question: String, _ passages: [String]) async throws(InferenceError) -> [Float]
}
