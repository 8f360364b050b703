package import SluiceCore
package import SluiceDocuments
package import SluiceInference
package import SluiceQueue

/// Reads one document's text. Implemented by `ExtractorPool`; tests give texts of their own.
package protocol TextExtractor: Sendable {
    /// - Throws: only when the machinery fails; everything about the document is in the reply.
    func extract(_ file: SourceFile, passwords: [String], limits: ExtractionLimits) async throws -> ExtractionReply
    /// What reads, for fingerprints: a new reader means that documents are read anew.
    func readerFingerprint() async throws -> String
}

extension ExtractorPool: TextExtractor {
    package func extract(
        _ file: SourceFile,
        passwords: [String],
        limits: ExtractionLimits
    ) async throws -> ExtractionReply {
        try await extract(
            descriptor: file.descriptor,
            mediaTypeHint: MediaType.hint(forPath: file.path),
            passwords: passwords,
            limits: limits
        )
    }

    package func readerFingerprint() async throws -> String { try await reader() }
}

/// What the handlers work with. Each worker needs only its queues' part: an ingestion worker no model in memory, an
/// embedding worker no extractor.
package struct Pipeline: Sendable {
    package var documents: any DocumentStore
    package var indexes: any IndexStore
    package var chunker: Chunker
    /// Of the model with which chunks will be embedded, read from its description.
    package var model: ModelIdentity
    package var extractor: (any TextExtractor)?
    package var embedder: (any Embedder)?
    package var limits: ExtractionLimits
    package var passwords: [String]
    /// Chunks of one `chunks.embed` task.
    package var embedWindow: Int

    package init(
        documents: any DocumentStore,
        indexes: any IndexStore,
        chunker: Chunker,
        model: ModelIdentity,
        extractor: (any TextExtractor)? = nil,
        embedder: (any Embedder)? = nil,
        limits: ExtractionLimits = ExtractionLimits(),
        passwords: [String] = [],
        embedWindow: Int = 256
    ) {
        self.documents = documents
        self.indexes = indexes
        self.chunker = chunker
        self.model = model
        self.extractor = extractor
        self.embedder = embedder
        self.limits = limits
        self.passwords = passwords
        self.embedWindow = embedWindow
    }
}

extension HandlerRegistry {
    /// Registers the handlers of these queues.
    package mutating func registerPipeline(_ pipeline: Pipeline, queues: some Collection<QueueName>) {
        if queues.contains(.ingestion), let extractor = pipeline.extractor {
            let handler = IngestDocument(pipeline: pipeline, extractor: extractor)
            register(IngestDocumentInput.self) { try await handler.perform($0, $1) }
        }
        if queues.contains(.embedding), let embedder = pipeline.embedder {
            let handler = EmbedChunks(pipeline: pipeline, embedder: embedder)
            register(EmbedChunksInput.self) { try await handler.perform($0, $1) }
        }
        if queues.contains(.maintenance) {
            let handler = BuildIndex(indexes: pipeline.indexes)
            register(BuildIndexInput.self) { try await handler.perform($0, $1) }
            register(NoopInput.self) { _, _ in .completed }
        }
    }
}
