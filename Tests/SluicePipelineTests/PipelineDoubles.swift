import Glibc
import SluiceCore
import SluiceInference
import SluicePipeline
import Synchronization

/// Reads text files in place of the extractor's child. A file that begins with `!` and an outcome's name has that outcome.
///
/// What the real child does is the extractor's tests' business.
final class PlainReader: TextExtractor {
    private struct State {
        var calls = 0
        var reader = "plain 1"
        var whileReading: (@Sendable () async throws -> Void)?
    }

    private let state = Mutex(State())

    var calls: Int { state.withLock(\.calls) }

    /// From now on another version of the reader, as after an upgrade.
    func upgrade() { state.withLock { $0.reader = "plain 2" } }

    /// Runs once, after the next file was read and before its text is handed over.
    func whileReading(_ body: @escaping @Sendable () async throws -> Void) {
        state.withLock { $0.whileReading = body }
    }

    func readerFingerprint() async throws -> String { state.withLock(\.reader) }

    func extract(_ file: SourceFile, passwords: [String], limits: ExtractionLimits) async throws -> ExtractionReply {
        var bytes = [UInt8](repeating: 0, count: file.byteCount)
        let count = pread(file.descriptor, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        let hook = state.withLock { state in
            state.calls += 1
            defer { state.whileReading = nil }
            return state.whileReading
        }
        try await hook?()
        if text.hasPrefix("!"), let outcome = ExtractionOutcome(name: text.dropFirst().prefix { $0 != "\n" }) {
            return ExtractionReply(outcome: outcome, detail: "it was \(outcome.name)")
        }
        let metadata = DocumentMetadata(title: "A title", mediaType: MediaType.plainText, pageCount: 0)
        return ExtractionReply(
            outcome: .ok,
            text: ExtractedText(text: text, pageStarts: [], metadata: metadata),
            detail: "read"
        )
    }
}

/// Counts what a model would have computed, and fails on texts with given words.
final class CountingEmbedder: Embedder {
    private struct State {
        var embedded: [String] = []
        var unusable: String?
        var breaking: String?
    }

    let base: DeterministicEmbedder
    private let state = Mutex(State())

    init(maxTokens: Int = 256, salt: UInt64 = 0, dimension: Int = 16) {
        base = DeterministicEmbedder(dimension: dimension, maxTokens: maxTokens, salt: salt)
    }

    var model: EmbeddingModelDescription { base.model }

    /// Texts embedded since the last call.
    func takeEmbedded() -> [String] {
        state.withLock { state in
            defer { state.embedded = [] }
            return state.embedded
        }
    }

    /// Texts with these words get no vector (and are named), or make every run fail that they are in (and are not).
    func fail(unusable: String? = nil, breaking: String? = nil) {
        state.withLock {
            $0.unusable = unusable
            $0.breaking = breaking
        }
    }

    func tokenCounts(_ texts: [String]) async throws(InferenceError) -> [Int] { try await base.tokenCounts(texts) }

    func embed(_ texts: [String]) async throws(InferenceError) -> EmbeddingMatrix {
        let (unusable, breaking) = state.withLock { ($0.unusable, $0.breaking) }
        if let breaking, texts.contains(where: { $0.contains(breaking) }) {
            throw .runtime(operation: "run the model", reason: "test")
        }
        if let unusable {
            let indices = texts.indices.filter { texts[$0].contains(unusable) }
            if !indices.isEmpty { throw .nonFinite(indices: indices) }
        }
        let matrix = try await base.embed(texts)
        state.withLock { $0.embedded += texts }
        return matrix
    }
}
