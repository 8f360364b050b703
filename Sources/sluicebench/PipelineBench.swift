internal import Logging
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem

/// The whole pipeline on real servers: a coordinator and one worker for all queues in this process, the extractors beside it.
enum PipelineFleet {
    /// Runs `body` while the fleet runs, with the model loaded before it begins; then drains the fleet.
    static func run<Value: Sendable>(
        _ settings: Settings,
        _ body:
            @Sendable (
                PostgresDocumentStore, Store, @escaping @Sendable ([EnqueuedTask]) async -> Void
            ) async throws -> Value
    ) async throws -> Value {
        let logger = Logger.line("sluicebench", level: "error")
        let store = settings.makeStore("sluicebench", poolSize: 4, logger: logger)
        defer { store.close() }
        let enqueuer = Enqueuer(store: PostgresTaskStore(store), hints: try settings.makeHints(), logger: logger)
        let announce: @Sendable ([EnqueuedTask]) async -> Void = { await enqueuer.announce($0) }
        let documents = PostgresDocumentStore(store, announce: announce)
        let shutdown = Shutdown()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await WorkerService.run(
                    concurrency: [.ingestion: 2, .embedding: 2, .maintenance: 1],
                    settings: settings,
                    shutdown: shutdown,
                    logger: logger
                )
            }
            group.addTask { try await CoordinatorService.run(settings: settings, shutdown: shutdown, logger: logger) }
            while try await store.status().workers.count(where: { $0.role == "worker" }) == 0 {
                try await Task.sleep(for: .milliseconds(20))
            }
            let value = try await body(documents, store, announce)
            shutdown.advance(to: .draining)
            try await group.waitForAll()
            return value
        }
    }
}
