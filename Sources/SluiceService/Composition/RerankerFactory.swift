package import SluiceInference

extension Settings {
    /// Whether this is meant as the address of a server, well written or not. A folder is named in errors; an address may hold a
    /// password, and is not.
    static func isAddress(_ reranker: String) -> Bool {
        if reranker.contains("://") || reranker.hasPrefix("//") { return true }
        return reranker.contains("@") && !["/", "./", "../", "~/"].contains(where: reranker.hasPrefix)
    }

    /// What judges hits anew; nil where none is set. A folder is loaded, about a second; a server is not asked yet.
    ///
    /// - Throws: `InferenceError` when it is neither a model's folder nor the address of a server.
    package func makeReranker() async throws -> (any Reranker)? {
        guard let reranker else { return nil }
        if Self.isAddress(reranker) {
            return try HTTPReranker(address: reranker, key: rerankerKey)
        }
        guard let library = openVINOLibrary, let tokenizers = tokenizersLibrary else {
            throw SettingsError(problems: ["SLUICE_OPENVINO_LIBRARY is not set; scripts/setup brings OpenVINO"])
        }
        return try await OpenVINOReranker.load(
            directory: reranker,
            settings: OpenVINOSettings(
                libraryPath: library,
                tokenizersPath: tokenizers,
                threads: embedThreads,
                streams: 1
            )
        )
    }
}
