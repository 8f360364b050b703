internal import COpenVINO

/// One infer request of the encoder with what goes in and comes out. Belongs to one thread at a time.
final class EncoderLane {
    private let graph: CompiledGraph
    private let request: InferRequest
    private let output: String
    private let pooling: Pooling
    private let dimension: Int

    init(_ graph: CompiledGraph, _ directory: ModelDirectory) throws(InferenceError) {
        let known: Set<String> = ["input_ids", "attention_mask", "token_type_ids"]
        guard graph.inputs.contains("input_ids"), graph.inputs.allSatisfy(known.contains) else {
            throw .modelUnusable(
                directory: directory.path,
                reason: "its inputs are \(graph.inputs.joined(separator: ", "))"
            )
        }
        let preferred = ["embedding", "sentence_embedding", "last_hidden_state", "token_embeddings"]
        guard let output = preferred.first(where: graph.outputs.contains) ?? graph.outputs.first else {
            throw .modelUnusable(directory: directory.path, reason: "it has no output")
        }
        self.graph = graph
        self.output = output
        pooling = directory.pooling
        dimension = directory.description.dimension
        request = try graph.makeRequest()
    }

    /// One vector of unit length a text, row by row; a row that has none is all NaN. Blocks.
    ///
    /// - Parameter texts: token ids of each text, none empty and none longer than `width`.
    func encode(_ texts: [ArraySlice<Int32>], width: Int) throws(InferenceError) -> [Float] {
        for name in graph.inputs {
            let tensor = try Tensor(graph.library, I64, [texts.count, width])
            Self.fill(tensor.values(Int64.self), name, texts, width)
            try request.set(name, tensor)
        }
        try request.run()
        let result = try request.output(output)
        guard result.elementType == F32 else {
            throw .runtime(operation: "run the model", reason: "its output is not float32")
        }
        let values = result.values(Float.self)
        var vectors: [Float]
        switch result.shape {
        case [texts.count, dimension]: vectors = Array(values)
        case [texts.count, width, dimension]: vectors = pool(values, texts.map(\.count), width)
        default:
            throw .runtime(
                operation: "run the model",
                reason: "its output has the shape \(result.shape), expected \(dimension) columns"
            )
        }
        for row in texts.indices { Self.normalize(&vectors[row * dimension..<(row + 1) * dimension]) }
        return vectors
    }

    static func fill(
        _ values: UnsafeMutableBufferPointer<Int64>,
        _ name: String,
        _ texts: [ArraySlice<Int32>],
        _ width: Int
    ) {
        values.update(repeating: 0)
        guard name != "token_type_ids" else { return }
        for (row, text) in texts.enumerated() {
            for (column, id) in text.enumerated() {
                values[row * width + column] = name == "input_ids" ? Int64(id) : 1
            }
        }
    }

    private func pool(_ values: UnsafeMutableBufferPointer<Float>, _ lengths: [Int], _ width: Int) -> [Float] {
        var vectors = [Float](repeating: 0, count: lengths.count * dimension)
        for (row, length) in lengths.enumerated() {
            for token in 0..<(pooling == .cls ? 1 : length) {
                let source = (row * width + token) * dimension
                for column in 0..<dimension { vectors[row * dimension + column] += values[source + column] }
            }
        }
        return vectors
    }

    private static func normalize(_ vector: inout ArraySlice<Float>) {
        // In double: a sum of squares can overflow what the numbers themselves do not.
        let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        let isUsable = length.isFinite && length > 1e-12
        for index in vector.indices { vector[index] = isUsable ? Float(Double(vector[index]) / length) : .nan }
    }
}
