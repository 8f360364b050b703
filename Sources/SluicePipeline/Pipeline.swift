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
    /// For indexes that this worker makes; documents are cut as their index's live version says.
    package var chunker: Chunker
    /// Of the model with which chunks will be embedded, read from its description.
    package var model: ModelIdentity
    /// A second model, for index versions that are on their way; nil: there is none.
    package var candidateModel: ModelIdentity?
    package var extractor: (any TextExtractor)?
    package var embedder: (any Embedder)?
    package var candidateEmbedder: (any Embedder)?
    /// What `index.rebuild`, `index.embed` and `index.retire` work with; nil: this worker performs none of them.
    package var versions: (any IndexVersionStore & IndexEmbedStore & ChunkSetStore)?
    /// Nil: no version passes.
    package var gates: (any IndexGates)?
    /// What a rebuild that nobody stands beside may take.
    package var room = IndexPlan.Room()
    /// What `index.verify` works with; nil: this worker does not perform it.
    package var drift: (any DriftCheck)?
    /// Of the time, that a rebuild copies: above 0, at most 1.
    package var rebuildShare = 0.5
    package var limits: ExtractionLimits
    package var passwords: [String]
    /// Chunks of one `chunks.embed` task.
    package var embedWindow: Int

    /// Nil: tenants have no indexes of their own.
    package var tenantIndexes: (any TenantIndexStore)?

    package init(
        documents: any DocumentStore,
        indexes: any IndexStore,
        chunker: Chunker,
        model: ModelIdentity,
        extractor: (any TextExtractor)? = nil,
        embedder: (any Embedder)? = nil,
        versions: (any IndexVersionStore & IndexEmbedStore & ChunkSetStore)? = nil,
        gates: (any IndexGates)? = nil,
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
        self.versions = versions
        self.gates = gates
        self.limits = limits
        self.passwords = passwords
        self.embedWindow = embedWindow
    }

    /// Whether the fleet's settings name this model: the current or the candidate one.
    func knows(_ model: ModelIdentity) -> Bool { model == self.model || model == candidateModel }

    /// The loaded embedder whose vectors are those of this model.
    func embedder(for model: ModelIdentity) -> (any Embedder)? {
        [embedder, candidateEmbedder].lazy.compactMap(\.self).first { $0.model.fingerprint == model.fingerprint }
    }

    /// Why a worker leaves a task to others.
    static func lacks(_ model: ModelIdentity) -> TaskFailure {
        TaskFailure(
            errorClass: "model.unknown",
            message: "the worker that claimed it has not loaded model \(model.fingerprint); name it in SLUICE_MODEL or "
                + "SLUICE_CANDIDATE_MODEL of the embedding workers"
        )
    }
}

extension HandlerRegistry {
    /// Registers the handlers of these queues.
    package mutating func registerPipeline(_ pipeline: Pipeline, queues: some Collection<QueueName>) {
        if queues.contains(.ingestion), let extractor = pipeline.extractor {
            let handler = IngestDocument(pipeline: pipeline, extractor: extractor)
            register(IngestDocumentInput.self) { try await handler.perform($0, $1) }
        }
        if queues.contains(.embedding), pipeline.embedder != nil {
            let handler = EmbedChunks(pipeline: pipeline)
            register(EmbedChunksInput.self) { try await handler.perform($0, $1) }
            if let versions = pipeline.versions {
                let handler = EmbedIndex(pipeline: pipeline, versions: versions)
                register(EmbedIndexInput.self) { try await handler.perform($0, $1) }
            }
        }
        if queues.contains(.maintenance) {
            let handler = BuildIndex(indexes: pipeline.indexes)
            register(BuildIndexInput.self) { try await handler.perform($0, $1) }
            register(NoopInput.self) { _, _ in .completed }
            if let tenantIndexes = pipeline.tenantIndexes {
                let isolate = IsolateIndex(indexes: tenantIndexes, versions: pipeline.versions, room: pipeline.room)
                register(IsolateIndexInput.self) { try await isolate.perform($0, $1) }
            }
            if let drift = pipeline.drift {
                let verify = VerifyIndex(check: drift)
                register(VerifyIndexInput.self) { try await verify.perform($0, $1) }
            }
            if let versions = pipeline.versions {
                let rebuild = RebuildIndex(pipeline: pipeline, versions: versions)
                register(RebuildIndexInput.self) { try await rebuild.perform($0, $1) }
                let retire = RetireIndex(versions: versions)
                register(RetireIndexInput.self) { try await retire.perform($0, $1) }
            }
        }
    }
}
