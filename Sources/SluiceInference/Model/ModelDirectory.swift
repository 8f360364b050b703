internal import FoundationEssentials
internal import SluiceCore
internal import SluiceSystem

/// A model's folder as Optimum exports it, with what `scripts/setup` adds: `openvino_model.xml/.bin`, `openvino_tokenizer.xml/.bin`,
/// and the JSON files that describe them.
struct ModelDirectory: Sendable {
    let path: String
    let description: EmbeddingModelDescription
    let pooling: Pooling

    /// Reads everything but the weights; these only to digest them when no fingerprint is written down. Blocks.
    init(reading path: String) throws(InferenceError) {
        func unusable(_ reason: String) -> InferenceError { .modelUnusable(directory: path, reason: reason) }
        for file in Self.parts where !Environment.isReadableFile("\(path)/\(file)") {
            throw unusable("\(file) is missing; export the model with scripts/setup or `optimum-cli export openvino`")
        }
        let manifest: Manifest? = try Self.decode("sluice_model.json", in: path)
        let pooling: PoolingFile? = try Self.decode("1_Pooling/config.json", in: path)
        let sentences: SentenceFile? = try Self.decode("sentence_bert_config.json", in: path)
        let tokenizer: TokenizerFile? = try Self.decode("tokenizer_config.json", in: path)
        let config: ConfigFile? = try Self.decode("config.json", in: path)

        guard let dimension = manifest?.dimension ?? pooling?.word_embedding_dimension ?? config?.hidden_size else {
            throw unusable("no file tells the dimension; write 1_Pooling/config.json or sluice_model.json")
        }
        // Models without a limit of their own carry an absurd number here.
        let tokenizerLimit = tokenizer?.model_max_length.flatMap { $0 < 1e6 ? Int($0) : nil }
        guard
            let maxTokens = manifest?.max_tokens ?? sentences?.max_seq_length ?? tokenizerLimit
                ?? config?.max_position_embeddings
        else { throw unusable("no file tells the longest text; write sluice_model.json with max_tokens") }
        guard dimension > 0, maxTokens > 2 else { throw unusable("dimension \(dimension), max_tokens \(maxTokens)") }

        if pooling?.pooling_mode_mean_tokens ?? true {
            self.pooling = .mean
        } else if pooling?.pooling_mode_cls_token ?? false {
            self.pooling = .cls
        } else {
            throw unusable("1_Pooling/config.json asks for a pooling other than mean or CLS")
        }
        let precision: EmbeddingPrecision
        if let name = manifest?.precision {
            guard let known = EmbeddingPrecision(rawValue: name) else { throw unusable("unknown precision '\(name)'") }
            precision = known
        } else {
            precision = try Self.storesIntegers(path) ? .int8 : .float32
        }
        let name = manifest?.name ?? config?._name_or_path ?? path.split(separator: "/").last.map(String.init) ?? path
        let fingerprint: String
        if let declared = manifest?.fingerprint, !declared.isEmpty {
            fingerprint = declared
        } else {
            fingerprint = try Self.digest(path, "\(self.pooling.rawValue) \(precision.rawValue) \(maxTokens)")
        }
        self.path = path
        self.description = EmbeddingModelDescription(
            name: name,
            dimension: dimension,
            maxTokens: maxTokens,
            precision: precision,
            fingerprint: fingerprint
        )
    }

    var modelXML: String { path + "/openvino_model.xml" }
    var modelBin: String { path + "/openvino_model.bin" }
    var tokenizerXML: String { path + "/openvino_tokenizer.xml" }
    var tokenizerBin: String { path + "/openvino_tokenizer.bin" }

    private static let parts = [
        "openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml", "openvino_tokenizer.bin",
    ]

    /// Nil when the file is not there.
    private static func decode<Value: Decodable>(_ file: String, in path: String) throws(InferenceError) -> Value? {
        guard Environment.isReadableFile("\(path)/\(file)") else { return nil }
        do {
            return try JSONDecoder().decode(Value.self, from: try bytes("\(path)/\(file)"))
        } catch {
            throw .modelUnusable(directory: path, reason: "\(file) is not the JSON that is expected")
        }
    }

    private static func bytes(_ file: String) throws -> Data {
        try Data(contentsOf: URL(filePath: file), options: .mappedIfSafe)
    }

    /// True when the graph's constants are integers of 8 bits or less, as quantisation leaves them.
    private static func storesIntegers(_ path: String) throws(InferenceError) -> Bool {
        let graph: Data
        do {
            graph = try bytes(path + "/openvino_model.xml")
        } catch {
            throw .modelUnusable(directory: path, reason: "openvino_model.xml cannot be read")
        }
        return graph.withUnsafeBytes { bytes in
            ["\"i8\"", "\"u8\"", "\"i4\"", "\"u4\""].contains { type in
                contains(bytes, Array("element_type=\(type)".utf8))
            }
        }
    }

    private static func contains(_ bytes: UnsafeRawBufferPointer, _ needle: [UInt8]) -> Bool {
        guard bytes.count >= needle.count else { return false }
        return (0...(bytes.count - needle.count)).contains { start in
            bytes[start] == needle[0] && needle.indices.allSatisfy { bytes[start + $0] == needle[$0] }
        }
    }

    private static func digest(_ path: String, _ parameters: String) throws(InferenceError) -> String {
        var hasher = SHA256Hasher()
        for file in parts {
            do {
                try bytes("\(path)/\(file)").withUnsafeBytes { hasher.update($0) }
            } catch {
                throw .modelUnusable(directory: path, reason: "\(file) cannot be read")
            }
        }
        Array(parameters.utf8).withUnsafeBytes { hasher.update($0) }
        return hasher.finish().bytes.hexadecimal
    }
}

// The names are those of the files.
private struct Manifest: Decodable {
    var name: String?
    var dimension: Int?
    var max_tokens: Int?
    var precision: String?
    var fingerprint: String?
}

private struct PoolingFile: Decodable {
    var word_embedding_dimension: Int?
    var pooling_mode_mean_tokens: Bool?
    var pooling_mode_cls_token: Bool?
}

private struct SentenceFile: Decodable { var max_seq_length: Int? }

private struct TokenizerFile: Decodable { var model_max_length: Double? }

private struct ConfigFile: Decodable {
    var hidden_size: Int?
    var max_position_embeddings: Int?
    var _name_or_path: String?
}
