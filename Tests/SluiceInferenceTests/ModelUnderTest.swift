import SluiceInference
import SluiceSystem
import Testing

/// The real model, where `scripts/setup` or the environment has put one.
enum ModelUnderTest {
    /// The folder with `f32` and `int8`: beside `SLUICE_MODEL`, else in `$SLUICE_HOME`.
    static let root: String? = {
        if let model = Environment.value("SLUICE_MODEL") {
            return "/" + model.split(separator: "/").dropLast().joined(separator: "/")
        }
        return Environment.home().map { $0 + "/models/all-MiniLM-L6-v2" }
    }()

    static var isThere: Bool {
        guard let root, (try? OpenVINOSettings.fromEnvironment()) != nil else { return false }
        return Environment.isReadableFile(root + "/f32/openvino_model.bin")
    }

    /// True when tests on the model must run: it is there, or its absence is a failure.
    static var isWanted: Bool { isThere || Environment.value("SLUICE_TEST_REQUIRE_SERVERS") == "1" }

    static func directory(_ precision: EmbeddingPrecision) throws -> String {
        try #require(root, "no model: run scripts/setup, or set SLUICE_MODEL") + "/" + precision.rawValue
    }

    static func load(_ precision: EmbeddingPrecision, streams: Int = 2, batchTokens: Int = 4_096) async throws
        -> OpenVINOEmbedder
    {
        var settings = try OpenVINOSettings.fromEnvironment(threads: 2, streams: streams)
        settings.batchTokens = batchTokens
        return try await OpenVINOEmbedder.load(directory: try directory(precision), settings: settings)
    }

    /// Compiled once for all tests.
    static let float32 = Shared(.float32)
    static let int8 = Shared(.int8)

    actor Shared {
        private let precision: EmbeddingPrecision
        private var loading: Task<OpenVINOEmbedder, any Error>?

        init(_ precision: EmbeddingPrecision) { self.precision = precision }

        func embedder() async throws -> OpenVINOEmbedder {
            let precision = precision
            let task = loading ?? Task { try await ModelUnderTest.load(precision) }
            loading = task
            return try await task.value
        }
    }
}
