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
package struct EmbedChunks: Sendable {
    private let pipeline: Pipeline
    private let embedder: any Embedder

    init(pipeline: Pipeline, embedder: any Embedder) {
        self.pipeline = pipeline
        self.embedder = embedder
    }

    package func perform(_ input: EmbedChunksInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        let version = DocumentVersionID(rawValue: input.version)
        guard input.first <= input.last else {
            return .dead(TaskFailure(errorClass: "payload.invalid", message: "the range of chunks is empty"))
        }
        let ordinals = input.first...input.last
        let chunks = try await pipeline.documents.chunksToEmbed(version, ordinals: ordinals, tenant: context.tenant)
        var (texts, resplit) = try await fitting(chunks)
        if !resplit.isEmpty {
            // A too long chunk is in no cache, but its pieces may be, from an earlier version of the document.
            let pieces = resplit.values.flatMap { $0.map(\.contentHash) }
            let known = try await pipeline.documents.cached(pieces, model: pipeline.model, tenant: context.tenant)
            for hash in known { texts[hash] = nil }
        }
        let vectors = try await embed(texts)
        let report = try await pipeline.documents.finishEmbedding(
            EmbeddingResult(
                version: version,
                tenant: context.tenant,
                ordinals: ordinals,
                model: pipeline.model,
                vectors: vectors,
                resplit: resplit
            ),
            fence: context.fence
        )
        context.logger.debug("embedded", metadata: ["vectors": "\(vectors.count)", "live": "\(report.isLive)"])
        return .settledByHandler
    }

    /// The texts to embed, each once, and the pieces of chunks that were too long.
    private func fitting(
        _ chunks: [ChunkToEmbed]
    ) async throws -> (texts: [SHA256Digest: String], resplit: [Int: [ChunkDraft]]) {
        let limit = embedder.model.maxTokens
        let counts = try await embedder.tokenCounts(chunks.map(\.draft.text))
        var texts: [SHA256Digest: String] = [:]
        var resplit: [Int: [ChunkDraft]] = [:]
        for (chunk, count) in zip(chunks, counts) {
            if count <= limit {
                texts[chunk.draft.contentHash] = chunk.draft.text
                continue
            }
            let (pieces, _) = try await pipeline.chunker.fitting([chunk.draft], limit: limit) { texts in
                try await embedder.tokenCounts(texts)
            }
            resplit[chunk.ordinal] = pieces
            for piece in pieces { texts[piece.contentHash] = piece.text }
        }
        return (texts, resplit)
    }

    private func embed(_ texts: [SHA256Digest: String]) async throws -> [SHA256Digest: [Float]] {
        if texts.isEmpty { return [:] }
        let order = Array(texts)
        let matrix = try await embedder.embed(order.map(\.value))
        var vectors: [SHA256Digest: [Float]] = [:]
        vectors.reserveCapacity(order.count)
        for (row, entry) in order.enumerated() { vectors[entry.key] = Array(matrix[row]) }
        return vectors
    }
}
