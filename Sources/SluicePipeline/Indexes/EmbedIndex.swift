internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceInference
package import SluiceQueue
internal import SluiceSystem

/// `index.embed`: vectors for an index version of chunks that have one neither there nor in the cache.
///
/// The chunks answer already, in the live version, and are embedded as they are: one that is too long for the version's model
/// cannot be cut for it alone, and sends the task to the dead letters.
package struct EmbedIndex: Sendable {
    private let pipeline: Pipeline
    private let versions: any IndexVersionStore & IndexEmbedStore

    init(pipeline: Pipeline, versions: any IndexVersionStore & IndexEmbedStore) {
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
        let chunks = try await versions.unembedded(id, scope)
        // Stored part by part: an attempt on a document of ten thousand chunks that is cut off leaves the next one less to do.
        var failed: [SHA256Digest: InferenceError] = [:]
        var rest = chunks[...]
        repeat {
            let part = rest.prefix(Self.part)
            rest = rest.dropFirst(Self.part)
            context.progress(chunks.count - rest.count - part.count, of: chunks.count, "embedding")
            let outcome = try await embed(part, with: embedder)
            failed.merge(outcome.failed) { first, _ in first }
            var vectors: [TenantID: [SHA256Digest: [Float]]] = [:]
            for chunk in part {
                if let vector = outcome.vectors[chunk.hash] { vectors[chunk.tenant, default: [:]][chunk.hash] = vector }
            }
            let isOver = rest.isEmpty && failed.isEmpty
            let added = try await versions.store(vectors, in: id, scope, isOver: isOver, fence: context.fence)
            context.logger.debug("embedded for an index version", metadata: ["added": "\(added)"])
            if isOver { return .settledByHandler }
        } while !rest.isEmpty
        return try Self.verdict(on: failed, of: chunks, version)
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
