internal import SluiceSystem
internal import Synchronization

/// Embeds with a model directory on OpenVINO: one compiled model for the process, a thread of its own for every stream and for
/// the tokenizer.
///
/// Calls from many tasks share the model fairly, a batch a turn. The cooperative pool never waits for it.
package final class OpenVINOEmbedder: Embedder {
    package let model: EmbeddingModelDescription
    private let tokenizer: Pinned<Tokenizer>
    private let lanes: [Pinned<EncoderLane>]
    private let state: Mutex<EmbeddingJobs>

    /// Opens the library, compiles the model, and embeds one word to see that it works: about a second.
    ///
    /// - Parameter directory: as Optimum exports it, see `EmbeddingModelDescription`.
    /// - Throws: `.libraryUnusable`, `.modelUnusable`, `.runtime`.
    package static func load(
        directory: String,
        settings: OpenVINOSettings
    ) async throws(InferenceError) -> OpenVINOEmbedder {
        let loader = PinnedThread(name: "ov-load")
        defer { loader.stop() }
        let embedder = try await loader.run { () throws(InferenceError) -> OpenVINOEmbedder in
            try OpenVINOEmbedder(ModelDirectory(reading: directory), settings)
        }
        _ = try await embedder.embed(["sluice"])
        return embedder
    }

    private init(_ directory: ModelDirectory, _ settings: OpenVINOSettings) throws(InferenceError) {
        let library = try OpenVINOLibrary.open(settings)
        let graph = try library.compile(
            xml: directory.modelXML,
            bin: directory.modelBin,
            properties: Self.properties(directory.description.precision, settings)
        )
        model = directory.description
        tokenizer = Pinned(try Tokenizer(directory, library, threads: settings.threads), thread: "ov-tokens")
        var lanes: [Pinned<EncoderLane>] = []
        for index in 0..<settings.streams {
            lanes.append(Pinned(try EncoderLane(graph, directory), thread: "ov-lane-\(index)"))
        }
        self.lanes = lanes
        state = Mutex(
            EmbeddingJobs(
                scheduler: BatchScheduler(tokenBudget: settings.batchTokens, maxRows: settings.batchRows),
                lanes: settings.streams,
                dimension: directory.description.dimension
            )
        )
    }

    deinit {
        tokenizer.thread.stop()
        for lane in lanes { lane.thread.stop() }
    }

    /// Pinning is off because several workers on one machine would all pin to the same cores.
    static func properties(_ precision: EmbeddingPrecision, _ settings: OpenVINOSettings) -> [(String, String)] {
        var properties = [
            ("INFERENCE_NUM_THREADS", "\(settings.threads)"), ("NUM_STREAMS", "\(settings.streams)"),
            ("ENABLE_CPU_PINNING", "NO"),
        ]
        switch precision {
        // The default would be bfloat16 where the processor has it: off by 1e-2.
        case .float32: properties.append(("INFERENCE_PRECISION_HINT", "f32"))
        // What stays in floating point beside quantised products does best in the processor's own choice.
        case .int8:
            properties.append(("DYNAMIC_QUANTIZATION_GROUP_SIZE", "64"))
            if !Processor.multipliesBytesExactly { properties.append(("LP_TRANSFORMS_MODE", "NO")) }
        }
        return properties
    }

    package func tokenCounts(_ texts: [String]) async throws(InferenceError) -> [Int] {
        try await tokenize(texts).lengths
    }

    package func embed(_ texts: [String]) async throws(InferenceError) -> EmbeddingMatrix {
        guard !texts.isEmpty else { return EmbeddingMatrix(count: 0, dimension: model.dimension, values: []) }
        let tokens = try await tokenize(texts)
        let limit = model.maxTokens
        let tooLong = tokens.ranges.indices.filter { tokens.ranges[$0].count > limit }
        guard tooLong.isEmpty else { throw .tooLong(indices: tooLong, limit: limit) }

        let job = state.withLock { $0.nextJob() }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let lanes = state.withLock { $0.add(job, tokens) { continuation.resume(returning: $0) } }
                start(lanes)
            }
        } onCancel: {
            state.withLock { $0.cancel(job) }?(.failure(.cancelled))
        }
        state.withLock { $0.forget(job) }
        return EmbeddingMatrix(count: texts.count, dimension: model.dimension, values: try result.get())
    }

    private func tokenize(_ texts: [String]) async throws(InferenceError) -> TokenizedTexts {
        guard !texts.isEmpty else { return TokenizedTexts() }
        if Task.isCancelled { throw .cancelled }
        return try await tokenizer.run { (tokenizer) throws(InferenceError) -> TokenizedTexts in
            try tokenizer.tokenize(texts)
        }
    }

    private func start(_ indices: [Int]) {
        for index in indices {
            lanes[index].submit { lane in
                // Runs until nothing waits: what is added meanwhile finds this lane awake.
                while let work = self.state.withLock({ $0.take(lane: index) }) {
                    let result = Result { () throws(InferenceError) -> [Float] in
                        try lane.encode(work.texts, width: work.batch.width)
                    }
                    for finish in self.state.withLock({ $0.deliver(work.batch, result) }) { finish() }
                }
            }
        }
    }
}
