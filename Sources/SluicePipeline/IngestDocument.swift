internal import Logging
internal import SluiceCore
internal import SluiceDocuments
package import SluiceQueue
internal import SluiceSystem

/// `document.ingest`: read, compare, extract, chunk, stage.
///
/// Bytes and fingerprint as they were, or as those of the version under way: nothing to do. Text: chunks are staged and those without a vector get their
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
        guard let number = input.document else { return try await register(input, context) }
        let id = DocumentID(rawValue: number)
        guard let document = try await pipeline.documents.document(id, tenant: context.tenant) else {
            return .cancelled(reason: "the document was erased")
        }
        guard pipeline.knows(document.index.model) else { return .dead(mismatch(document)) }
        guard let chunker = chunker(of: document.index) else { return .declined(Self.noChunker(document)) }
        context.progress(0, of: Self.steps, "reading the source")
        let (file, hash): (SourceFile, SHA256Digest?)
        do {
            (file, hash) = try await read(document.uri)
        } catch {
            try await pipeline.documents.noteUnreadable(
                id,
                tenant: context.tenant,
                detail: error.message,
                fence: context.fence
            )
            // What is no file now will be none in a second; what is missing may be on its way.
            if ["source.unsupported", "source.not_a_file"].contains(error.errorClass) { return .dead(error) }
            throw error
        }
        guard let hash else {
            return try await finish(
                document,
                .tooLarge,
                "\(file.byteCount) bytes; at most \(pipeline.limits.maxBytes) are read (SLUICE_MAX_DOCUMENT_MB)",
                context
            )
        }
        let fingerprint = try await fingerprint(document.index)
        if let pending = document.pending, pending.contentHash == hash, Self.reads(pending.fingerprint, as: fingerprint)
        {
            try await pipeline.documents.joinPending(document, fence: context.fence)
            return .settledByHandler
        }
        let isUnchanged =
            document.liveContentHash == hash && document.liveFingerprint.map { Self.reads($0, as: fingerprint) } == true
        if isUnchanged, !document.isTextWanted {
            try await pipeline.documents.finishUnchanged(document, text: nil, fence: context.fence)
            return .settledByHandler
        }
        context.progress(1, of: Self.steps, "extracting text from \(file.byteCount) bytes")
        let reply = try await extractor.extract(file, passwords: pipeline.passwords, limits: pipeline.limits)
        guard let text = reply.text, reply.outcome == .ok else {
            return try await withoutText(document, reply, context)
        }
        if isUnchanged {
            try await pipeline.documents.finishUnchanged(document, text: text, fence: context.fence)
            return .settledByHandler
        }
        context.progress(2, of: Self.steps, "cutting \(text.metadata.pageCount) pages into chunks")
        let chunks = await chunked(text, by: chunker)
        if chunks.isEmpty { return try await finish(document, .empty, "white space only", context) }
        context.progress(3, of: Self.steps, "storing \(chunks.count) chunks of \(text.metadata.pageCount) pages")
        let report = try await pipeline.documents.stage(
            StagedVersion(
                document: id,
                tenant: context.tenant,
                contentHash: hash,
                byteCount: file.byteCount,
                fingerprint: fingerprint,
                model: document.index.model,
                metadata: text.metadata,
                characterCount: text.text.unicodeScalars.count,
                chunks: chunks,
                chunkSet: document.index.chunkSet,
                text: text,
                batch: context.batch,
                request: document.request
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

    /// Reading, extracting, chunking, storing: what operators see of the progress.
    private static let steps = 4

    /// Registers the document that a URI names, and leaves its ingest to a task of its own.
    private func register(_ input: IngestDocumentInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        guard let uri = input.uri, let name = IndexName(rawValue: input.index ?? IndexName.default.rawValue) else {
            return .dead(
                TaskFailure(
                    errorClass: "payload.invalid",
                    message: "the payload names no document: give \"uri\", and \"index\" only as a valid name"
                )
            )
        }
        let attributes = DocumentAttributes(metadata: input.metadata, tags: input.tags, principals: input.principals)
        do {
            try attributes.check()
        } catch {
            return .dead(TaskFailure(errorClass: "payload.invalid", message: error.description))
        }
        let index = try await pipeline.indexes.ensureIndex(
            name,
            model: pipeline.model,
            chunkerFingerprint: pipeline.chunker.fingerprint
        )
        try await pipeline.documents.register(
            uri,
            attributes,
            tenant: context.tenant,
            index: index,
            batch: context.batch,
            fence: context.fence
        )
        return .settledByHandler
    }

    /// The open file and the digest of its bytes; no digest when it is longer than the limit.
    private func read(_ uri: String) async throws(TaskFailure) -> (SourceFile, SHA256Digest?) {
        let file = try SourceFile.open(uri: uri)
        guard file.byteCount <= pipeline.limits.maxBytes else { return (file, nil) }
        let hashing = PinnedThread(name: "sha256")
        defer { hashing.stop() }
        return (file, try await hashing.run { () throws(TaskFailure) in try file.digest() })
    }

    /// Chunking takes tens of milliseconds a megabyte: off the caller's thread.
    @concurrent
    private func chunked(_ text: ExtractedText, by chunker: Chunker) async -> [ChunkDraft] { chunker.chunk(text) }

    /// What cuts the index's documents: the chunker of its live version, whatever this worker is set to, which only decides for indexes
    /// that it makes. Nil: one that this program does not know.
    private func chunker(of index: IndexSnapshot) -> Chunker? {
        index.chunker == pipeline.chunker.fingerprint ? pipeline.chunker : Chunker(fingerprint: index.chunker)
    }

    private static func noChunker(_ document: DocumentSnapshot) -> TaskFailure {
        TaskFailure(
            errorClass: "chunker.unknown",
            message: "index '\(document.index.name)' is cut by a chunker that the worker does not know, "
                + "\(document.index.chunker); upgrade the worker"
        )
    }

    /// Everything on which the chunks and vectors of given bytes depend.
    private func fingerprint(_ index: IndexSnapshot) async throws -> String {
        "\(try await extractor.readerFingerprint())\(Self.separator)\(index.chunker)\(Self.separator)"
            + index.model.fingerprint
    }

    private static let separator = " | "

    /// Whether both read alike. Chunker and model, which stand behind the reader, do not matter: whichever version of the index
    /// answers, it has the chunks and the vectors of every document.
    static func reads(_ old: String, as new: String) -> Bool {
        func reader(_ fingerprint: String) -> String {
            let bytes = Array(fingerprint.utf8)
            let mark = Array(separator.utf8)
            let start = bytes.indices.first { bytes[$0...].starts(with: mark) }
            return start.map { String(decoding: bytes[..<$0], as: UTF8.self) } ?? fingerprint
        }
        return reader(old) == reader(new)
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
            detail: reply.detail,
            fence: context.fence
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
            document,
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
