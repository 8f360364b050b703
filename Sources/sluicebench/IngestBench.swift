internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem

/// Files in, searchable vectors out: the whole pipeline on real servers, a coordinator and one worker for all queues in
/// this process, the extractors beside it. Then the same files again, unchanged.
struct IngestBench {
    struct Result: Encodable {
        let documents: Int
        let pages: Int
        let chunks: Int
        let seconds: Double
        let chunks_per_s: Double
        let unchanged_seconds: Double
        let worker_resident_mb: Int
    }

    let settings: Settings
    let files: [String]

    func run() async throws -> Result {
        try await PipelineFleet.run(settings) { documents, store, announce in
            try await measure(documents, store, announce)
        }
    }

    private func measure(
        _ documents: PostgresDocumentStore,
        _ store: Store,
        _ announce: @escaping @Sendable ([EnqueuedTask]) async -> Void
    ) async throws -> Result {
        let index = try await PostgresIndexStore(store, announce: announce).ensureIndex(
            .default,
            model: try settings.modelIdentity(),
            chunkerFingerprint: try settings.makeChunker().fingerprint
        )
        let first = try await pass(documents, index.name, store)
        let second = try await pass(documents, index.name, store)
        return Result(
            documents: first.state.documents,
            pages: first.state.pages,
            chunks: first.state.chunks,
            seconds: first.seconds,
            chunks_per_s: Double(first.state.chunks) / first.seconds,
            unchanged_seconds: second.seconds,
            worker_resident_mb: Environment.residentBytes() >> 20
        )
    }

    private func pass(
        _ documents: PostgresDocumentStore,
        _ index: IndexName,
        _ store: Store
    ) async throws -> (state: IngestState, seconds: Double) {
        guard let snapshot = try await PostgresIndexStore(store, announce: { _ in }).index(index) else {
            throw TaskFailure(errorClass: "bench", message: "the index is not there")
        }
        let start = ContinuousClock.now
        let receipt = try await documents.requestIngest(
            of: files,
            tenant: .default,
            index: snapshot,
            label: "bench"
        )
        while true {
            let state = try await documents.ingestState(receipt.batch, tenant: .default)
            if state.isOver { return (state, start.elapsed.inSeconds) }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
