import SluiceInference
import SluiceSystem
import Testing

@Suite("Model folders as Optimum exports them", .enabled(if: ModelUnderTest.isWanted))
struct ModelDirectoryTests {
    private static let mean = #""pooling_mode_mean_tokens": true"#
    private static let cls = #""pooling_mode_mean_tokens": false, "pooling_mode_cls_token": true"#

    private func load(_ model: borrowing SyntheticModel) async throws -> OpenVINOEmbedder {
        try await OpenVINOEmbedder.load(
            directory: model.path,
            settings: try OpenVINOSettings.fromEnvironment(threads: 1)
        )
    }

    /// [CLS] is 101, [SEP] 102, and the letters a, b are 1037, 1038.
    private func row(_ id: Int) -> [Float] {
        switch id {
        case 101: [1, 0, 0, 0]
        case 102: [0, 2, 0, 0]
        case 1_037: [0, 0, 3, 0]
        case 1_038: [0, 0, 0, 4]
        // The padding must not count.
        case 0: [50, 50, 50, 50]
        default: [1, 1, 1, 1]
        }
    }

    @Test("hidden states are pooled by the mean, without padding, to unit length")
    func meanPooling() async throws {
        let model = try SyntheticModel(pooling: Self.mean, row: row)
        let embedder = try await load(model)
        #expect(embedder.model.name == "synthetic" && embedder.model.dimension == 4 && embedder.model.maxTokens == 64)
        #expect(embedder.model.precision == .float32 && embedder.model.fingerprint.count == 64)
        let matrix = try await embedder.embed(["a b", "a a a a a b", ""])
        for (row, expected) in [(0, [1, 2, 3, 4]), (1, [1, 2, 15, 4]), (2, [1, 2, 0, 0])] as [(Int, [Float])] {
            let length = expected.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for (value, number) in zip(matrix[row], expected) { #expect(abs(value - number / length) < 1e-5) }
        }
    }

    @Test("or by their first token")
    func clsPooling() async throws {
        let model = try SyntheticModel(pooling: Self.cls, row: row)
        let matrix = try await load(model).embed(["a b", "b"])
        #expect(Array(matrix[0]) == [1, 0, 0, 0] && Array(matrix[1]) == [1, 0, 0, 0])
    }

    @Test("the fingerprint follows weights and pooling")
    func fingerprint() throws {
        let first = try SyntheticModel(pooling: Self.mean, row: row)
        let same = try SyntheticModel(pooling: Self.mean, row: row)
        let pooled = try SyntheticModel(pooling: Self.cls, row: row)
        let other = try SyntheticModel(pooling: Self.mean) { id in id == 7 ? [0, 0, 0, 1] : self.row(id) }
        let fingerprint = try EmbeddingModelDescription(readingDirectory: first.path).fingerprint
        #expect(try EmbeddingModelDescription(readingDirectory: same.path).fingerprint == fingerprint)
        #expect(try EmbeddingModelDescription(readingDirectory: pooled.path).fingerprint != fingerprint)
        #expect(try EmbeddingModelDescription(readingDirectory: other.path).fingerprint != fingerprint)
    }

    @Test("a tokenizer that truncates is kept from it")
    func truncation() async throws {
        let model = try SyntheticModel(pooling: Self.mean, truncatingAt: 8, row: row)
        let embedder = try await load(model)
        let long = String(repeating: "a ", count: 100)
        #expect(try await embedder.tokenCounts(["a b", long]) == [4, 102])
        await #expect(throws: InferenceError.tooLong(indices: [1], limit: 64)) {
            try await embedder.embed(["a", long])
        }
    }

    @Test("vectors that are no numbers are an error that names the texts")
    func nonFinite() async throws {
        let model = try SyntheticModel(pooling: Self.mean) { id in
            id == 1_038 ? [.nan, 0, 0, 0] : id == 1_039 ? [.infinity, 0, 0, 0] : self.row(id)
        }
        let embedder = try await load(model)
        #expect(try await embedder.embed(["a"]).count == 1)
        await #expect(throws: InferenceError.nonFinite(indices: [1, 3])) {
            try await embedder.embed(["a", "b", "a", "c"])
        }
    }

    @Test("folders that do not fit are refused with the reason")
    func unusable() async throws {
        let model = try SyntheticModel(pooling: Self.mean, dimension: 4, declared: 5, row: row)
        await #expect(throws: InferenceError.self) { try await self.load(model) }
        let pooling = try SyntheticModel(pooling: #""pooling_mode_mean_tokens": false"#, row: row)
        #expect(throws: InferenceError.self) { try EmbeddingModelDescription(readingDirectory: pooling.path) }
        #expect(
            throws: InferenceError.modelUnusable(
                directory: "/nonexistent",
                reason:
                    "openvino_model.xml is missing; export the model with scripts/setup or `optimum-cli export openvino`"
            )
        ) { try EmbeddingModelDescription(readingDirectory: "/nonexistent") }
    }

    @Test("a missing library is an error, not a crash")
    func missingLibrary() async throws {
        let settings = OpenVINOSettings(libraryPath: "/nonexistent/lib.so", tokenizersPath: "/nonexistent/t.so")
        await #expect(throws: InferenceError.self) {
            try await OpenVINOEmbedder.load(directory: try ModelUnderTest.directory(.int8), settings: settings)
        }
    }
}
