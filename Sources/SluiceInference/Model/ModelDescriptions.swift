extension EmbeddingModelDescription {
    /// Reads a model directory's description without loading the model.
    package static func read(directory: String) throws(InferenceError) -> EmbeddingModelDescription {
        try ModelDirectory(reading: directory).description
    }
}
