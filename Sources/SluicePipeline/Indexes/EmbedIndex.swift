internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceInference
package import SluiceQueue
internal import SluiceSystem

/// `index.embed`: vectors for an index version of chunks that have one neither there nor in the cache.
///
/// Where the chunks answer already, in the live version, they are embedded as they are: one that is too long for the version's model
/// cannot be cut for it alone, and sends the task to the dead letters. Of a chunk set that only this version reads, it is split, as
/// an ingest would.
package struct EmbedIndex: Sendable {
    private let pipeline: Pipeline
    private let versions: any IndexVersionStore & IndexEmbedStore & ChunkSetStore

    init(pipeline: Pipeline, versions: any IndexVersionStore & IndexEmbedStore & ChunkSetStore) {
        self.pipeline = pipeline
        self.versions = versions
    }

    package func perform(_ input: EmbedIndexInput, _ context: AttemptContext) async throws -> AttemptOutcome {
        let id = IndexVersionID(rawValue: input.version)
        let scope: EmbedScope
        if let document = input.document {
            scope = .document(DocumentID(rawValue: document))
        } else if let first = input.first, let last = input.last, first <= last {
            scope = .chunks(first...last)
        } else {
            return .dead(
                TaskFailure(
                    errorClass: "payload.invalid",
                    message: "the payload names no chunks: give \"first\" and \"last\", or \"document\""
                )
            )
        }
        guard let version = try await versions.version(id), version.state.isWritten else {
            return .cancelled(reason: "index version \(id) is not written to any more")
        }
        guard let embedder = pipeline.embedder(for: version.spec.model) else {
            return .declined(Pipeline.lacks(version.spec.model))
        }
        var chunks = try await versions.unembedded(id, scope)
        let pieces = try await split(chunks, of: version, with: embedder, context)
        if let first = pieces.first, let last = pieces.last {
            chunks = try await versions.unembedded(id, scope)
            // Of a range of ids: the pieces are beyond it.
            if case .chunks = scope {
                let beyond = EmbedScope.chunks(first.rawValue...last.rawValue)
                let added = try await versions.unembedded(id, beyond)
                let outcome = try await embed(added[...], with: embedder)
                try await keep(outcome, of: added, in: id, beyond, context)
            }
        }
        // Stored part by part: an attempt on a document of ten thousand chunks that is cut off leaves the next one less to do.
        var failed: [SHA256Digest: InferenceError] = [:]
        var rest = chunks[...]
        repeat {
            let part = rest.prefix(Self.part)
            rest = rest.dropFirst(Self.part)
            context.progress(chunks.count - rest.count - part.count, of: chunks.count, "embedding")
            let outcome = try await embed(part, with: embedder)
            failed.merge(outcome.failed) { first, _ in first }
            let vectors = Self.vectors(outcome, of: part)
            let isOver = rest.isEmpty && failed.isEmpty
            let added = try await versions.store(vectors, in: id, scope, isOver: isOver, fence: context.fence)
            context.logger.debug("embedded for an index version", metadata: ["added": "\(added)"])
            if isOver { return .settledByHandler }
        } while !rest.isEmpty
        return try Self.verdict(on: failed, of: chunks, version)
    }

    private static func vectors(
        _ outcome: Bisection.Outcome,
        of chunks: ArraySlice<UnembeddedChunk>
    ) -> [TenantID: [SHA256Digest: [Float]]] {
        var vectors: [TenantID: [SHA256Digest: [Float]]] = [:]
        for chunk in chunks {
            if let vector = outcome.vectors[chunk.hash] { vectors[chunk.tenant, default: [:]][chunk.hash] = vector }
        }
        return vectors
    }

    /// What fails of it is found by the next pass of the backfill, and tried there.
    private func keep(
        _ outcome: Bisection.Outcome,
        of chunks: [UnembeddedChunk],
        in id: IndexVersionID,
        _ scope: EmbedScope,
        _ context: AttemptContext
    ) async throws {
        let vectors = Self.vectors(outcome, of: chunks[...])
        _ = try await versions.store(vectors, in: id, scope, isOver: false, fence: context.fence)
    }

    /// Splits what is too long for the model, where nobody else reads it. Returns the ids of the pieces.
    private func split(
        _ chunks: [UnembeddedChunk],
        of version: IndexVersionRecord,
        with embedder: any Embedder,
        _ context: AttemptContext
    ) async throws -> [ChunkID] {
        // The first set is that of documents which were fitted to a model when they were ingested.
        guard version.chunkSet > 1, !chunks.isEmpty else { return [] }
        let limit = embedder.model.maxTokens
        do {
            let counts = try await embedder.tokenCounts(chunks.map(\.text))
            let long = zip(chunks, counts).filter { $0.1 > limit }.map(\.0.id)
            if long.isEmpty { return [] }
            let chunker = Chunker(fingerprint: version.spec.chunkerFingerprint) ?? pipeline.chunker
            var pieces: [ChunkID: [ChunkDraft]] = [:]
            for chunk in try await versions.splittable(long, in: version.id) {
                pieces[chunk.id] = try await chunker.fitting([chunk.draft], limit: limit) { texts in
                    try await embedder.tokenCounts(texts)
                }.chunks
            }
            return try await versions.split(pieces, in: version.id, fence: context.fence)
        } catch let error as InferenceError {
            if case .cancelled = error { throw CancellationError() }
            throw TaskFailure(errorClass: error.errorClass, message: "\(error)")
        }
    }

    private static let part = 256

    private func embed(
        _ chunks: ArraySlice<UnembeddedChunk>,
        with embedder: any Embedder
    ) async throws -> Bisection.Outcome {
        do {
            let texts = Dictionary(chunks.map { ($0.hash, $0.text) }) { first, _ in first }
            return try await Bisection(embedder: embedder).embed(texts)
        } catch InferenceError.cancelled {
            throw CancellationError()
        } catch {
            throw TaskFailure(errorClass: error.errorClass, message: "\(error)")
        }
    }

    /// Dead when every fault is the chunks' own; else the attempt failed and another may do better.
    private static func verdict(
        on failed: [SHA256Digest: InferenceError],
        of chunks: [UnembeddedChunk],
        _ version: IndexVersionRecord
    ) throws -> AttemptOutcome {
        guard let error = failed.values.min(by: { !$0.isTransient && $1.isTransient }) else {
            return .completed
        }
        let ids = chunks.filter { failed[$0.hash] != nil }.map { "\($0.id)" }
        let failure = TaskFailure(
            errorClass: error.errorClass,
            message:
                "chunks \(ids.prefix(10).joined(separator: ", "))\(ids.count > 10 ? ", …" : "") were not embedded for "
                + "version \(version.number) of index '\(version.indexName)': \(error). The other vectors are kept"
        )
        if failed.values.contains(where: \.isTransient) { throw failure }
        return .dead(failure)
    }
}
