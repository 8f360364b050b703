internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceInference
package import SluiceQueue
internal import SluiceSystem

/// `chunks.embed`: embeds what of a range of staged chunks has no vector yet.
///
/// Chunks longer than the model's limit are split again until all pieces fit; nothing is truncated. Equal texts are
/// embedded once. What another attempt or version has embedded meanwhile is in the cache and not embedded again.
///
/// Chunks that cannot be embedded cost their window, never their neighbours' vectors: those are kept, so that a retry, or the
/// document's next version, computes only what is missing. Chunks at fault by themselves send the task to the dead letters at
/// once, with their numbers; the document's live version goes on answering.
package struct EmbedChunks: Sendable {
    private let pipeline: Pipeline

    init(pipeline: Pipeline) { self.pipeline = pipeline }

    package func perform(_ input: EmbedChunksInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        let version = DocumentVersionID(rawValue: input.version)
        guard input.first <= input.last else {
            return .dead(TaskFailure(errorClass: "payload.invalid", message: "the range of chunks is empty"))
        }
        let ordinals = input.first...input.last
        // The index's when the version was staged, which a swap may have changed since.
        let model = try await pipeline.documents.embeddingModel(of: version, tenant: context.tenant) ?? pipeline.model
        guard let embedder = pipeline.embedder(for: model) else { return .declined(Pipeline.lacks(model)) }
        let chunks = try await pipeline.documents.chunksToEmbed(version, ordinals: ordinals, tenant: context.tenant)
        context.progress(0, of: chunks.count, "embedding")
        let (work, outcome) = try await embed(chunks, model, embedder, context)
        context.progress(chunks.count, of: chunks.count, "storing \(outcome.vectors.count) vectors")
        let result = EmbeddingResult(
            version: version,
            tenant: context.tenant,
            ordinals: ordinals,
            model: model,
            vectors: outcome.vectors,
            resplit: work.resplit
        )
        if !outcome.failed.isEmpty {
            try await pipeline.documents.keepVectors(result, fence: context.fence)
            return try Self.verdict(on: outcome, of: work, version)
        }
        let report = try await pipeline.documents.finishEmbedding(result, fence: context.fence)
        context.logger.debug(
            "embedded",
            metadata: ["vectors": "\(outcome.vectors.count)", "live": "\(report.isLive)"]
        )
        return .settledByHandler
    }

    private struct Work: Sendable {
        /// The texts to embed, each once.
        var texts: [SHA256Digest: String] = [:]
        /// The chunks that each text is or is a piece of.
        var ordinals: [SHA256Digest: [Int]] = [:]
        /// The pieces of chunks that were too long.
        var resplit: [Int: [ChunkDraft]] = [:]

        mutating func add(_ draft: ChunkDraft, of ordinal: Int) {
            texts[draft.contentHash] = draft.text
            ordinals[draft.contentHash, default: []].append(ordinal)
        }
    }

    private func embed(
        _ chunks: [ChunkToEmbed],
        _ model: ModelIdentity,
        _ embedder: any Embedder,
        _ context: AttemptContext
    ) async throws -> (Work, Bisection.Outcome) {
        do {
            var work = try await fitting(chunks, embedder)
            if !work.resplit.isEmpty {
                // A too long chunk is in no cache, but its pieces may be, from an earlier version of the document.
                let pieces = work.resplit.values.flatMap { $0.map(\.contentHash) }
                let known = try await pipeline.documents.cached(pieces, model: model, tenant: context.tenant)
                for hash in known { work.texts[hash] = nil }
            }
            return (work, try await Bisection(embedder: embedder).embed(work.texts))
        } catch InferenceError.cancelled {
            throw CancellationError()
        } catch let error as InferenceError {
            throw TaskFailure(errorClass: error.errorClass, message: "\(error)")
        }
    }

    /// Dead when every fault is the chunks' own; else the attempt failed and another may do better.
    private static func verdict(
        on outcome: Bisection.Outcome,
        of work: Work,
        _ version: DocumentVersionID
    ) throws -> AttemptOutcome {
        let ordinals = Set(outcome.failed.keys.flatMap { work.ordinals[$0] ?? [] }).sorted()
        guard let error = outcome.failed.values.min(by: { !$0.isTransient && $1.isTransient }) else {
            return .completed
        }
        let list = ordinals.prefix(10).map { "\($0)" }.joined(separator: ", ") + (ordinals.count > 10 ? ", …" : "")
        let failure = TaskFailure(
            errorClass: error.errorClass,
            message:
                "chunks \(list) of document version \(version) were not embedded: \(error). The vectors of the other "
                + "\(outcome.vectors.count) texts of this task are kept"
        )
        if outcome.failed.values.contains(where: \.isTransient) { throw failure }
        return .dead(failure)
    }

    private func fitting(_ chunks: [ChunkToEmbed], _ embedder: any Embedder) async throws -> Work {
        let limit = embedder.model.maxTokens
        let counts = try await embedder.tokenCounts(chunks.map(\.draft.text))
        var work = Work()
        for (chunk, count) in zip(chunks, counts) {
            if count <= limit {
                work.add(chunk.draft, of: chunk.ordinal)
                continue
            }
            let (pieces, _) = try await pipeline.chunker.fitting([chunk.draft], limit: limit) { texts in
                try await embedder.tokenCounts(texts)
            }
            work.resplit[chunk.ordinal] = pieces
            for piece in pieces { work.add(piece, of: chunk.ordinal) }
        }
        return work
    }
}
