package import Logging
package import SluiceCore
internal import SluiceDocuments
internal import SluiceInference
internal import SluicePipeline
internal import SluiceQueue
internal import SluiceStore
package import SluiceSystem

/// A worker process: its queues' handlers, the engine, and connections of both.
package enum WorkerService {
    /// Runs until `shutdown` drains and everything has ended.
    ///
    /// The engine has connections of its own: handlers that use up theirs must not keep leases from being renewed.
    ///
    /// - Parameter concurrency: attempts at once, by queue.
    package static func run(
        concurrency: [QueueName: Int],
        settings: Settings,
        shutdown: Shutdown,
        logger: Logger
    ) async throws {
        let hints = try settings.makeHints()
        let control = settings.makeControlStore("sluice-worker", queues: concurrency.count, logger: logger)
        let data = settings.makeStore("sluice-handlers", logger: logger)
        let tasks = PostgresTaskStore(control, aging: AgingOrder(step: settings.aging))
        let enqueuer = Enqueuer(store: tasks, hints: hints, logger: logger)
        let model = try settings.modelIdentity()
        let extractors = concurrency[.ingestion].map { children in
            ExtractorPool(extractorConfiguration(settings, children: children))
        }
        // Loaded before the worker registers: a model that does not load must not hold tasks.
        let embedder = concurrency[.embedding] == nil ? nil : try await settings.makeEmbedder()
        let candidate = concurrency[.embedding] == nil ? nil : try await settings.makeCandidateEmbedder()
        for embedder in [embedder, candidate] {
            if let embedder { logger.notice("model loaded", metadata: ["model": "\(embedder.model.fingerprint)"]) }
        }
        let announce: @Sendable ([EnqueuedTask]) async -> Void = { await enqueuer.announce($0) }
        let isTest = Environment.value("SLUICE_TEST_KINDS") == "1"
        let testGates = isTest ? TestGates(Environment.value("SLUICE_TEST_GATES")) : nil
        let gates = FleetGates(settings: settings, logger: logger)
        let evidence = testGates == nil ? PostgresGateStore.swapEvidence : Settings.testEvidence
        var pipeline = Pipeline(
            documents: PostgresDocumentStore(data, announce: announce),
            indexes: settings.makeIndexStore(data, announce: announce),
            chunker: try settings.makeChunker(),
            model: model,
            extractor: extractors,
            embedder: embedder,
            versions: settings.makeIndexVersions(data, evidence: evidence, announce: announce),
            gates: testGates ?? gates,
            limits: settings.limits,
            passwords: settings.documentPasswords,
            embedWindow: settings.embedWindow
        )
        pipeline.tenantIndexes = PostgresTenantIndexes(
            data,
            policy: settings.tenantIndexPolicy,
            maxBuildMemory: settings.buildMemoryMegabytes
        )
        pipeline.candidateModel = try settings.candidateIdentity()
        pipeline.candidateEmbedder = candidate
        pipeline.rebuildShare = settings.rebuildShare
        pipeline.room = settings.planRoom
        pipeline.drift = gates
        var handlers = HandlerRegistry()
        handlers.registerPipeline(pipeline, queues: concurrency.keys)
        if concurrency[.maintenance] != nil {
            handlers.registerMaintenance(settings.maintenance(data, hints: hints, announce: announce))
        }
        if isTest, concurrency[.maintenance] != nil {
            handlers.registerTestHook()
        }
        let worker = Worker(
            configuration: WorkerConfiguration(
                concurrency: concurrency,
                host: Environment.hostName(),
                pid: Environment.processID(),
                version: Version.text,
                leaseLength: settings.leaseLength,
                drainTimeout: settings.drainTimeout
            ),
            store: tasks,
            hints: hints,
            control: PostgresControlStore(control),
            handlers: handlers,
            logger: logger
        )
        Signals.on(Signals.quiet) { worker.setQuiet(true) }
        Signals.on(Signals.resume) { worker.setQuiet(false) }
        Signals.on(Signals.dump) { worker.dump() }
        try await worker.run(shutdown: shutdown)
        await extractors?.shutdown()
        data.close()
        control.close()
    }

    private static func extractorConfiguration(_ settings: Settings, children: Int) -> ExtractorConfiguration {
        var configuration = ExtractorConfiguration(children: children)
        if let path = settings.extractorPath { configuration.executable = path }
        return configuration
    }
}
