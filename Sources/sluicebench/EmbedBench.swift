import FoundationEssentials
import SluiceCore
import SluiceDocuments
import SluiceInference
import SluiceSystem

/// What `sluicebench embed` prints.
struct EmbedBenchResult: Encodable {
    /// Texts of the file.
    var chunks: Int
    /// What they became where they were longer than the model takes.
    var pieces: Int
    /// The file's texts a second, through the product's embedder.
    var chunks_per_s: Double
    /// The same through a bare OpenVINO loop over the same pieces.
    var bare_chunks_per_s: Double
}

/// Embeds the texts of a file with one JSON object a line (`{"text": "…"}`): the product's embedder against a bare loop, turn by
/// turn, medians of `repeats`.
///
/// - Parameter directory: the model's, of the precision that is to be measured.
func embedBench(
    texts file: String,
    directory: String,
    settings: OpenVINOSettings,
    repeats: Int = 5,
    bareRows: Int = 16
) async throws -> EmbedBenchResult {
    let texts = try readTexts(file)
    let embedder = try await OpenVINOEmbedder.load(directory: directory, settings: settings)
    // One chunk a text: only the re-splitting of what is too long is wanted of the chunker.
    let chunker = Chunker()
    let drafts = texts.enumerated().map { index, text in
        ChunkDraft(
            ordinal: index,
            text: text,
            charFrom: 0,
            charTo: text.unicodeScalars.count,
            pageFrom: nil,
            pageTo: nil,
            headingPath: [],
            contentHash: .init(ofText: text)
        )
    }
    let fitted = try await chunker.fitting(drafts, limit: embedder.model.maxTokens) { texts in
        try await embedder.tokenCounts(texts)
    }
    let pieces = fitted.chunks.map(\.text)
    let bare = try await BareLoop(directory: directory, settings: settings, texts: pieces, rows: bareRows)
    _ = try await bare.run()
    _ = try await embedder.embed(pieces)
    var ours: [Duration] = []
    var bares: [Duration] = []
    for _ in 0..<repeats {
        bares.append(try await ContinuousClock().measure { _ = try await bare.run() })
        ours.append(try await ContinuousClock().measure { _ = try await embedder.embed(pieces) })
    }
    return EmbedBenchResult(
        chunks: texts.count,
        pieces: pieces.count,
        chunks_per_s: Double(texts.count) / median(ours),
        bare_chunks_per_s: Double(texts.count) / median(bares)
    )
}

private struct TextLine: Decodable { var text: String }

private func readTexts(_ file: String) throws -> [String] {
    let data = try Data(contentsOf: URL(filePath: file))
    let decoder = JSONDecoder()
    return try data.split(separator: UInt8(ascii: "\n")).map { try decoder.decode(TextLine.self, from: Data($0)).text }
}

/// In seconds; the upper one of the two middle values.
private func median(_ durations: [Duration]) -> Double { durations.sorted()[durations.count / 2].inSeconds }
