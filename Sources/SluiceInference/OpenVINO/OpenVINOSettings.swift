internal import SluiceSystem

/// Where OpenVINO lies and how much of the machine it may use.
package struct OpenVINOSettings: Hashable, Sendable {
    /// `libopenvino_c.so`, with its other libraries beside it.
    package var libraryPath: String
    /// `libopenvino_tokenizers.so`.
    package var tokenizersPath: String
    /// Threads that compute, all streams together. Give every process its share of the machine.
    package var threads: Int
    /// Batches computed at the same time, each by its share of the threads. As many as threads gives the most texts a second;
    /// 1 the least time for a single text.
    package var streams: Int
    /// The most tokens of a batch, padding included.
    package var batchTokens: Int
    /// The most texts of a batch.
    package var batchRows: Int

    package init(
        libraryPath: String,
        tokenizersPath: String,
        threads: Int = Environment.coreCount(),
        streams: Int? = nil,
        batchTokens: Int = 2_048,
        batchRows: Int = 32
    ) {
        self.libraryPath = libraryPath
        self.tokenizersPath = tokenizersPath
        self.threads = max(1, threads)
        self.streams = max(1, min(streams ?? threads, max(1, threads)))
        self.batchTokens = max(1, batchTokens)
        self.batchRows = max(1, batchRows)
    }

    /// From `SLUICE_OPENVINO_LIBRARY` and `SLUICE_OPENVINO_TOKENIZERS`, else from `$SLUICE_HOME/openvino/lib`.
    ///
    /// - Throws: `.libraryUnusable` when the environment leads nowhere.
    package static func fromEnvironment(
        threads: Int = Environment.coreCount(),
        streams: Int? = nil
    ) throws(InferenceError) -> OpenVINOSettings {
        let folder = (Environment.home() ?? ".sluice") + "/openvino/lib"
        let library = Environment.value("SLUICE_OPENVINO_LIBRARY") ?? folder + "/libopenvino_c.so"
        guard Environment.isReadableFile(library) else {
            throw .libraryUnusable(path: library, reason: "there is no such file")
        }
        let beside = library.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let name = "/libopenvino_tokenizers.so"
        let tokenizers =
            Environment.value("SLUICE_OPENVINO_TOKENIZERS")
            ?? (Environment.isReadableFile(beside + name) ? beside + name : folder + name)
        return OpenVINOSettings(libraryPath: library, tokenizersPath: tokenizers, threads: threads, streams: streams)
    }
}
