internal import SluiceInference
internal import SluiceSystem

/// Embeds texts so that a few bad ones do not take the others with them.
///
/// An error that names its texts takes only those out; one that names none (a run that failed) halves the batch until the
/// culprits stand alone. An embedder that fails on everything is found out after a few calls.
struct Bisection: Sendable {
    struct Outcome: Sendable {
        var vectors: [SHA256Digest: [Float]] = [:]
        /// Texts without a vector.
        var failed: [SHA256Digest: InferenceError] = [:]
    }

    let embedder: any Embedder
    /// Failed calls after which the embedder is taken to be broken, not the texts: one bad text among 256 takes nine.
    var patience = 32

    /// - Throws: what the embedder threw, when it failed for another reason than its texts.
    func embed(_ texts: [SHA256Digest: String]) async throws(InferenceError) -> Outcome {
        var outcome = Outcome()
        var failures = 0
        var open = texts.isEmpty ? [] : [Array(texts)]
        while let batch = open.popLast() {
            do throws(InferenceError) {
                let matrix = try await embedder.embed(batch.map(\.value))
                for (row, text) in batch.enumerated() { outcome.vectors[text.key] = Array(matrix[row]) }
            } catch {
                failures += 1
                guard failures <= patience, let culprits = Self.culprits(of: error, among: batch.count) else {
                    throw error
                }
                for index in culprits { outcome.failed[batch[index].key] = error }
                let rest = batch.indices.filter { !culprits.contains($0) }.map { batch[$0] }
                if culprits.isEmpty {
                    open.append(Array(rest[(rest.count / 2)...]))
                    open.append(Array(rest[..<(rest.count / 2)]))
                } else if !rest.isEmpty {
                    open.append(rest)
                }
            }
        }
        return outcome
    }

    /// The places of the texts at fault: empty when they must be found, nil when no text is.
    private static func culprits(of error: InferenceError, among count: Int) -> Set<Int>? {
        switch error {
        case .libraryUnusable, .modelUnusable, .remote, .cancelled: return nil
        case .tooLong(let indices, _), .nonFinite(let indices):
            let named = Set(indices).intersection(0..<count)
            return named.isEmpty && count == 1 ? [0] : named
        case .runtime: return count == 1 ? [0] : []
        }
    }
}
