internal import SluiceCore
package import SluiceDocuments
package import SluiceInference

extension Settings {
    /// `deterministic[:DIMENSION]` names the embedder without a model: for tests and load without meaning.
    private var deterministic: DeterministicEmbedder? {
        guard let model = modelDirectory, model == "deterministic" || model.hasPrefix("deterministic:") else {
            return nil
        }
        let dimension = model.split(separator: ":").dropFirst().first.flatMap { Int($0) } ?? 384
        return DeterministicEmbedder(dimension: min(4_000, max(8, dimension)))
    }

    /// The model that embeds, from its description: nothing is loaded.
    ///
    /// - Throws: `InferenceError` when the directory is no model.
    package func modelDescription() throws -> EmbeddingModelDescription {
        if let deterministic { return deterministic.model }
        return try EmbeddingModelDescription.read(directory: try requireModelDirectory())
    }

    package func modelIdentity() throws -> ModelIdentity {
        let model = try modelDescription()
        return ModelIdentity(fingerprint: model.fingerprint, dimension: model.dimension)
    }

    /// Loads the model: about a second.
    ///
    /// - Parameters:
    ///   - threads: that compute; nil takes the settings'.
    ///   - streams: batches at once; nil takes the settings'.
    package func makeEmbedder(threads: Int? = nil, streams: Int? = nil) async throws -> any Embedder {
        if let deterministic { return deterministic }
        let directory = try requireModelDirectory()
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
