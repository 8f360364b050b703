internal import COpenVINO
internal import SluiceSystem

/// The least that embeds at all: a loop a stream over batches that were tokenised, sorted by length and laid out in advance.
/// What `OpenVINOEmbedder` is measured against; not for use.
package final class BareLoop: Sendable {
    /// Texts that one run embeds.
    package let count: Int
    private let loops: [Pinned<Loop>]

    /// - Parameter rows: texts of a batch.
    package init(
        directory: String,
        settings: OpenVINOSettings,
        texts: [String],
        rows: Int
    ) async throws(InferenceError) {
        let loader = PinnedThread(name: "ov-load")
        defer { loader.stop() }
        count = texts.count
        loops = try await loader.run { () throws(InferenceError) -> [Pinned<Loop>] in
            let directory = try ModelDirectory(reading: directory)
            let library = try OpenVINOLibrary.open(settings)
            let graph = try library.compile(
                xml: directory.modelXML,
                bin: directory.modelBin,
                properties: OpenVINOEmbedder.properties(directory.description.precision, settings)
            )
            let tokens = try Tokenizer(directory, library, threads: settings.threads).tokenize(texts)
            let order = tokens.ranges.sorted { $0.count > $1.count }
            let batches = stride(from: 0, to: order.count, by: rows).map { start in
                order[start..<min(start + rows, order.count)].map { tokens.ids[$0] }
            }
            var loops: [Pinned<Loop>] = []
            for stream in 0..<settings.streams {
                // Every so manieth batch, so that all streams have the same work.
                let share = batches.indices.filter { $0 % settings.streams == stream }.map { batches[$0] }
                loops.append(Pinned(try Loop(graph, share), thread: "ov-bare-\(stream)"))
            }
            return loops
        }
    }

    /// Embeds all texts once; returns the sum of all numbers, so that nothing is left out.
    package func run() async throws -> Float {
        try await withThrowingTaskGroup(of: Float.self) { group in
            for loop in loops {
                group.addTask { try await loop.run { (loop) throws(InferenceError) -> Float in try loop.run() } }
            }
            return try await group.reduce(0, +)
        }
    }

    private final class Loop {
        private let request: InferRequest
        private let graph: CompiledGraph
        private let batches: [[(String, InputTensor)]]

        init(_ graph: CompiledGraph, _ batches: [[ArraySlice<Int32>]]) throws(InferenceError) {
            self.graph = graph
            request = try graph.makeRequest()
            var laidOut: [[(String, InputTensor)]] = []
            for batch in batches {
                var inputs: [(String, InputTensor)] = []
                for name in graph.inputs {
                    inputs.append((name, try InputTensor(graph.library, name, batch, width: batch[0].count)))
                }
                laidOut.append(inputs)
            }
            self.batches = laidOut
        }

        func run() throws(InferenceError) -> Float {
            var sum: Float = 0
            for batch in batches {
                for (name, input) in batch { try request.set(name, input.tensor) }
                try request.run()
                sum += try request.output(graph.outputs[0]).values(Float.self).reduce(0, +)
            }
            return sum
        }
    }

    /// A tensor in a box, because what cannot be copied cannot be in an array.
    private final class InputTensor {
        let tensor: Tensor

        init(
            _ library: OpenVINOLibrary,
            _ name: String,
            _ texts: [ArraySlice<Int32>],
            width: Int
        ) throws(InferenceError) {
            tensor = try Tensor(library, I64, [texts.count, width])
            EncoderLane.fill(tensor.values(Int64.self), name, texts, width)
        }
    }
}
