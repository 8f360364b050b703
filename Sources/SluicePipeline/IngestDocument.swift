internal import Logging
internal import SluiceCore
internal import SluiceDocuments
package import SluiceQueue
internal import SluiceSystem

/// `document.ingest`: read, compare, extract, chunk, stage.
///
/// Bytes and fingerprint as they were: nothing to do. Text: chunks are staged and those without a vector get their
/// `chunks.embed` tasks, all in the transaction that completes this task. No text: the outcome is recorded and the task is
/// done, the live version goes on answering. A reader that crashed or hung: the attempt fails and is retried.
package struct IngestDocument: Sendable {
    private let pipeline: Pipeline
    private let extractor: any TextExtractor

    init(pipeline: Pipeline, extractor: any TextExtractor) {
        self.pipeline = pipeline
        self.extractor = extractor
    }

    package func perform(_ input: IngestDocumentInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        let id = DocumentID(rawValue: input.document)
        guard let document = try await pipeline.documents.document(id, tenant: context.tenant) else {
            return .cancelled(reason: "the document was erased")
        }
        guard document.index.model == pipeline.model else { return .dead(mismatch(document)) }
        let file = try SourceFile.open(uri: document.uri)
        guard file.byteCount <= pipeline.limits.maxBytes else {
            return try await finish(
                document,
                .tooLarge,
                "\(file.byteCount) bytes; at most \(pipeline.limits.maxBytes) are read (SLUICE_MAX_DOCUMENT_MB)",
                context
            )
        }
        let hashing = PinnedThread(name: "sha256")
        defer { hashing.stop() }
        let hash = try await hashing.run { try file.digest() }
        let fingerprint = try await fingerprint()
        if document.liveContentHash == hash, document.liveFingerprint == fingerprint {
            try await pipeline.documents.finishUnchanged(id, tenant: context.tenant, fence: context.fence)
            return .settledByHandler
        }
        let reply = try await extractor.extract(file, passwords: pipeline.passwords, limits: pipeline.limits)
        guard let text = reply.text, reply.outcome == .ok else {
            return try await withoutText(document, reply, context)
        }
        let chunks = await chunked(text)
        if chunks.isEmpty { return try await finish(document, .empty, "white space only", context) }
        let report = try await pipeline.documents.stage(
            StagedVersion(
                document: id,
                tenant: context.tenant,
                contentHash: hash,
                byteCount: file.byteCount,
                fingerprint: fingerprint,
                model: pipeline.model,
                metadata: text.metadata,
                characterCount: text.text.unicodeScalars.count,
                chunks: chunks,
                batch: context.batch
            ),
            window: pipeline.embedWindow,
            fence: context.fence
        )
        context.logger.debug(
            "staged",
            metadata: ["chunks": "\(report.chunks)", "kept": "\(report.kept)", "to.embed": "\(report.toEmbed)"]
        )
        return .settledByHandler
    }

    /// Chunking takes tens of milliseconds a megabyte: off the caller's thread.
    @concurrent
    private func chunked(_ text: ExtractedText) async -> [ChunkDraft] { pipeline.chunker.chunk(text) }

    /// Everything on which the chunks and vectors of given bytes depend.
    private func fingerprint() async throws -> String {
        "\(try await extractor.readerFingerprint()) | \(pipeline.chunker.fingerprint) | \(pipeline.model.fingerprint)"
    }

    private func withoutText(
        _ document: DocumentSnapshot,
        _ reply: ExtractionReply,
        _ context: AttemptContext
    ) async throws -> AttemptOutcome {
        guard reply.outcome.isWorthRetrying else {
            return try await finish(document, reply.outcome, reply.detail, context)
        }
        try await pipeline.documents.noteOutcome(
            document.id,
            tenant: context.tenant,
            outcome: reply.outcome,
            detail: reply.detail
        )
        let errorClass = reply.outcome == .timeout ? "extraction.timeout" : "extraction.crashed"
        throw TaskFailure(errorClass: errorClass, message: reply.detail)
    }

    private func finish(
        _ document: DocumentSnapshot,
        _ outcome: ExtractionOutcome,
        _ detail: String,
        _ context: AttemptContext
    ) async throws -> AttemptOutcome {
        try await pipeline.documents.finishWithoutText(
            document.id,
            tenant: context.tenant,
            outcome: outcome,
            detail: detail,
            fence: context.fence
        )
        context.logger.info("no text", metadata: ["outcome": "\(outcome.name)"])
        return .settledByHandler
    }

    private func mismatch(_ document: DocumentSnapshot) -> TaskFailure {
        TaskFailure(
            errorClass: "index.model_mismatch",
            message:
                "index '\(document.index.name)' holds vectors of model \(document.index.model.fingerprint), this worker "
                + "is set to \(pipeline.model.fingerprint); point SLUICE_MODEL at the index's model"
        )
    }
}
