internal import SluiceCore
package import SluiceDocuments
package import SluiceInference

extension Settings {
    /// `deterministic[:DIMENSION[:SALT]]` names the embedder without a model: for tests and load without meaning.
    private static func deterministic(_ model: String?) -> DeterministicEmbedder? {
        guard let model, model == "deterministic" || model.hasPrefix("deterministic:") else { return nil }
        let parts = model.split(separator: ":").dropFirst()
        let dimension = parts.first.flatMap { Int($0) } ?? 384
        let salt = parts.dropFirst().first.flatMap { UInt64($0) } ?? 0
        return DeterministicEmbedder(dimension: min(4_000, max(8, dimension)), salt: salt)
    }

    /// The model that embeds, from its description: nothing is loaded.
    ///
    /// - Throws: `InferenceError` when the directory is no model.
    package func modelDescription() throws -> EmbeddingModelDescription {
        if let deterministic = Self.deterministic(modelDirectory) { return deterministic.model }
        return try EmbeddingModelDescription.read(directory: try requireModelDirectory())
    }

    package func modelIdentity() throws -> ModelIdentity { Self.identity(try modelDescription()) }

    /// The second model; nil where none is set.
    package func candidateIdentity() throws -> ModelIdentity? {
        guard let candidateModelDirectory else { return nil }
        if let deterministic = Self.deterministic(candidateModelDirectory) { return Self.identity(deterministic.model) }
        return Self.identity(try EmbeddingModelDescription.read(directory: candidateModelDirectory))
    }

    private static func identity(_ model: EmbeddingModelDescription) -> ModelIdentity {
        ModelIdentity(fingerprint: model.fingerprint, dimension: model.dimension)
    }

    /// Loads the model: about a second.
    ///
    /// - Parameters:
    ///   - threads: that compute; nil takes the settings'.
    ///   - streams: batches at once; nil takes the settings'.
    package func makeEmbedder(threads: Int? = nil, streams: Int? = nil) async throws -> any Embedder {
        try await makeEmbedder(of: try requireModelDirectory(), threads: threads, streams: streams)
    }

    /// Loads the second model; nil where none is set.
    package func makeCandidateEmbedder(threads: Int? = nil, streams: Int? = nil) async throws -> (any Embedder)? {
        guard let candidateModelDirectory else { return nil }
        return try await makeEmbedder(of: candidateModelDirectory, threads: threads, streams: streams)
    }

    private func makeEmbedder(of directory: String, threads: Int?, streams: Int?) async throws -> any Embedder {
        if let deterministic = Self.deterministic(directory) { return deterministic }
        guard let library = openVINOLibrary, let tokenizers = tokenizersLibrary else {
            throw SettingsError(problems: ["SLUICE_OPENVINO_LIBRARY is not set; scripts/setup brings OpenVINO"])
        }
        return try await OpenVINOEmbedder.load(
            directory: directory,
            settings: OpenVINOSettings(
                libraryPath: library,
                tokenizersPath: tokenizers,
                threads: threads ?? embedThreads,
                streams: streams ?? embedStreams
            )
        )
    }

    private func requireModelDirectory() throws -> String {
        guard let modelDirectory else {
            throw SettingsError(problems: ["SLUICE_MODEL is not set; scripts/setup makes one under .sluice/models"])
        }
        return modelDirectory
    }

    package func makeChunker() throws -> Chunker {
        Chunker(
            configuration: try SplitterConfiguration(
                chunkSize: chunkSize,
                overlap: chunkOverlap,
                separators: SplitterConfiguration.standard.separators
            )
        )
    }
}
