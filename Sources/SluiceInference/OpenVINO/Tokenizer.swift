internal import COpenVINO
internal import FoundationEssentials

/// Texts as token ids, one after the other.
struct TokenizedTexts: Sendable {
    /// All texts' tokens.
    var ids: [Int32] = []
    /// Where each text's tokens lie in `ids`.
    var ranges: [Range<Int>] = []

    var lengths: [Int] { ranges.map(\.count) }
}

/// A model's tokenizer graph. Belongs to one thread at a time.
final class Tokenizer {
    private let library: OpenVINOLibrary
    private let request: InferRequest
    private let input: String

    /// Compiles the graph without its truncation. Blocks.
    init(_ directory: ModelDirectory, _ library: OpenVINOLibrary, threads: Int) throws(InferenceError) {
        let xml: String
        let weights: [UInt8]
        do {
            xml = String(decoding: try Data(contentsOf: URL(filePath: directory.tokenizerXML)), as: UTF8.self)
            weights = Array(try Data(contentsOf: URL(filePath: directory.tokenizerBin)))
        } catch {
            throw .modelUnusable(directory: directory.path, reason: "the files openvino_tokenizer.* cannot be read")
        }
        let graph = try library.compile(
            graph: TokenizerGraph.untruncated(xml),
            weights: weights,
            properties: [("INFERENCE_NUM_THREADS", "\(threads)"), ("NUM_STREAMS", "1"), ("ENABLE_CPU_PINNING", "NO")]
        )
        guard let input = graph.inputs.first, graph.inputs.count == 1,
            graph.outputs.contains("input_ids"), graph.outputs.contains("attention_mask")
        else {
            throw .modelUnusable(
                directory: directory.path,
                reason: "the tokenizer does not turn texts into input_ids and attention_mask"
            )
        }
        self.library = library
        self.input = input
        request = try graph.makeRequest()
    }

    /// Tokens of all texts in their order, special tokens included, without padding. Blocks.
    func tokenize(_ texts: [String]) throws(InferenceError) -> TokenizedTexts {
        var blocks: [[Int]] = []
        // The graph pads every text to the longest of its block, so that texts of like size belong together and a huge one alone.
        let sizes = texts.map(\.utf8.count)
        for index in texts.indices.sorted(by: { (sizes[$0], $0) < (sizes[$1], $1) }) {
            if let block = blocks.last, block.count < 128, (block.count + 1) * sizes[index] <= 1 << 18 {
                blocks[blocks.count - 1].append(index)
            } else {
                blocks.append([index])
            }
        }
        var result = TokenizedTexts(ids: [], ranges: [Range<Int>](repeating: 0..<0, count: texts.count))
        for block in blocks { try tokenize(block, of: texts, into: &result) }
        return result
    }

    private func tokenize(
        _ block: [Int],
        of texts: [String],
        into result: inout TokenizedTexts
    ) throws(InferenceError) {
        try request.set(input, Tensor(library, texts: block.map { texts[$0] }))
        try request.run()
        let ids = try request.output("input_ids")
        let mask = try request.output("attention_mask")
        guard ids.elementType == I64, mask.elementType == I64, ids.shape == mask.shape, ids.shape.first == block.count,
            ids.shape.count == 2
        else { throw .runtime(operation: "tokenize", reason: "unexpected outputs of the tokenizer") }
        let width = ids.shape[1]
        let idValues = ids.values(Int64.self)
        let maskValues = mask.values(Int64.self)
        for (row, index) in block.enumerated() {
            let start = result.ids.count
            for column in row * width..<(row + 1) * width where maskValues[column] != 0 {
                result.ids.append(Int32(truncatingIfNeeded: idValues[column]))
            }
            result.ranges[index] = start..<result.ids.count
        }
    }
}
