internal import COpenVINO
internal import FoundationEssentials
internal import SluiceSystem

/// A cross-encoder on OpenVINO, from a folder as Optimum exports models for text classification with one label.
///
/// Question and passage are read together, `[CLS] question [SEP] passage [SEP]`; of the passage what fits.
package final class OpenVINOReranker: Reranker {
    package let name: String
    private let tokenizer: Pinned<Tokenizer>
    private let lane: Pinned<PairLane>
    private let maxTokens: Int
    /// Pairs at once.
    private static let batch = 16

    /// Opens the library, compiles the model, and judges one passage to see that it works: about a second.
    ///
    /// - Throws: `.libraryUnusable`, `.modelUnusable`, `.runtime`.
    package static func load(
        directory: String,
        settings: OpenVINOSettings
    ) async throws(InferenceError) -> OpenVINOReranker {
        let loader = PinnedThread(name: "ov-load")
        defer { loader.stop() }
        let reranker = try await loader.run { () throws(InferenceError) -> OpenVINOReranker in
            try OpenVINOReranker(ModelDirectory(reading: directory), settings)
        }
        _ = try await reranker.scores("sluice", ["sluice"])
        return reranker
    }

    private init(_ directory: ModelDirectory, _ settings: OpenVINOSettings) throws(InferenceError) {
        let library = try OpenVINOLibrary.open(settings)
        let graph = try library.compile(
            xml: directory.modelXML,
            bin: directory.modelBin,
            properties: OpenVINOEmbedder.properties(directory.description.precision, settings)
        )
        name = directory.description.name
        maxTokens = directory.description.maxTokens
        tokenizer = Pinned(try Tokenizer(directory, library, threads: settings.threads), thread: "ov-tokens")
        lane = Pinned(try PairLane(graph, directory.path), thread: "ov-rerank")
    }

    deinit {
        tokenizer.thread.stop()
        lane.thread.stop()
    }

    package func scores(_ question: String, _ passages: [String]) async throws(InferenceError) -> [Float] {
        guard !passages.isEmpty else { return [] }
        let tokens = try await tokenizer.run { (tokenizer) throws(InferenceError) -> TokenizedTexts in
            try tokenizer.tokenize([question] + passages)
        }
        let texts = tokens.ranges.map { Array(tokens.ids[$0]) }
        let pairs = texts.dropFirst().map { TokenPair(texts[0], $0, limit: maxTokens) }
        var scores = [Float](repeating: 0, count: passages.count)
        // Pairs of like length together: each is padded to the longest of its batch.
        let order = pairs.indices.sorted { (pairs[$0].ids.count, $0) < (pairs[$1].ids.count, $1) }
        for start in stride(from: 0, to: order.count, by: Self.batch) {
            if Task.isCancelled { throw .cancelled }
            let batch = Array(order[start..<min(start + Self.batch, order.count)])
            let some = batch.map { pairs[$0] }
            let judged = try await lane.run { (lane) throws(InferenceError) -> [Float] in try lane.judge(some) }
            for (place, score) in zip(batch, judged) { scores[place] = score }
        }
        return scores
    }
}

/// Two texts as one: of the first no more than half of what the model reads, of the second what then fits.
struct TokenPair: Sendable, Equatable {
    let ids: [Int32]
    /// Where the second text begins.
    let border: Int

    /// - Parameters: ids of each text with its first and last special token.
    init(_ first: [Int32], _ second: [Int32], limit: Int) {
        let head = Self.cut(first, to: max(2, limit / 2))
        let tail = Self.cut(Array(second.dropFirst()), to: max(1, limit - head.count))
        ids = head + tail
        border = head.count
    }

    /// Keeps the last one, which ends the text.
    private static func cut(_ ids: [Int32], to limit: Int) -> [Int32] {
        guard ids.count > limit, let last = ids.last else { return ids }
        return ids.prefix(limit - 1) + [last]
    }
}

/// One infer request of a cross-encoder. Belongs to one thread at a time.
final class PairLane {
    private let graph: CompiledGraph
    private let request: InferRequest
    private let output: String

    init(_ graph: CompiledGraph, _ directory: String) throws(InferenceError) {
        let known: Set<String> = ["input_ids", "attention_mask", "token_type_ids"]
        guard graph.inputs.contains("input_ids"), graph.inputs.allSatisfy(known.contains),
            let output = graph.outputs.contains("logits") ? "logits" : graph.outputs.first
        else {
            throw .modelUnusable(directory: directory, reason: "it is no classifier of texts")
        }
        self.graph = graph
        self.output = output
        request = try graph.makeRequest()
    }

    /// One score a pair. Blocks.
    func judge(_ pairs: [TokenPair]) throws(InferenceError) -> [Float] {
        let width = pairs.map(\.ids.count).max() ?? 1
        for name in graph.inputs {
            let tensor = try Tensor(graph.library, I64, [pairs.count, width])
            let values = tensor.values(Int64.self)
            values.update(repeating: 0)
            for (row, pair) in pairs.enumerated() {
                for (column, id) in pair.ids.enumerated() {
                    values[row * width + column] =
                        switch name {
                        case "input_ids": Int64(id)
                        case "attention_mask": 1
                        default: column < pair.border ? 0 : 1
                        }
                }
            }
            try request.set(name, tensor)
        }
        try request.run()
        let result = try request.output(output)
        guard result.elementType == F32, result.shape == [pairs.count, 1] || result.shape == [pairs.count] else {
            throw .runtime(
                operation: "rerank",
                reason: "the model's output has the shape \(result.shape); one score a pair is wanted"
            )
        }
        let scores = Array(result.values(Float.self))
        guard scores.allSatisfy(\.isFinite) else {
            throw .nonFinite(indices: scores.indices.filter { !scores[$0].isFinite })
        }
        return scores
    }
}
