internal import Logging
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore
internal import SluiceSystem

/// A worker inside another program: claims and performs tasks of some queues under one lease, until it is told to stop.
///
/// It renews its lease and writes verdicts on threads of its own, over connections of its own. The fleet's coordinator
/// (the executable `coordinator`) must run somewhere, for retries, rescue and schedules.
public final class SluiceWorker: Sendable {
    private let client: SluiceClient
    private let store: Store
    private let worker: Worker
    private let handlers: TaskHandlers
    private let shutdown = Shutdown()

    /// - Parameters:
    ///   - concurrency: attempts at once, by queue; each at least 1.
    ///   - drainTimeout: how long a stopping worker lets attempts finish before it stops them, which costs no attempt.
    public init(
        _ settings: SluiceSettings,
        handlers: TaskHandlers,
        concurrency: [String: Int],
        drainTimeout: Duration = .seconds(25)
    ) throws(SluiceError) {
        var lanes: [QueueName: Int] = [:]
        for (name, count) in concurrency {
            guard let queue = QueueName(rawValue: name), count > 0 else {
                throw SluiceError("queue '\(name)' with \(count) attempts at once: \(NameRule.sentence)")
            }
            lanes[queue] = count
        }
        guard !lanes.isEmpty else { throw SluiceError("a worker needs a queue") }
        let logger = Logger(label: "sluice")
        client = try SluiceClient(settings, logger: logger)
        store = Store(
            configuration: settings.postgres("sluice-worker", poolSize: 3),
            schema: settings.schema,
            payloadKeys: try settings.keys(),
            logger: logger
        )
        self.handlers = handlers
        worker = Worker(
            configuration: WorkerConfiguration(
                concurrency: lanes,
                host: Environment.hostName(),
                pid: Environment.processID(),
                version: Version.text,
                drainTimeout: drainTimeout
            ),
            store: PostgresTaskStore(store),
            hints: try settings.makeHints(),
            handlers: handlers.registry,
            logger: logger
        )
    }

    /// Runs until `stop` has been called and everything has ended; once. Cancelling the calling task stops without grace.
    public func run() async throws(SluiceError) {
        defer {
            store.close()
            client.close()
        }
        try await translating {
            for define in handlers.defaults { try await define(client) }
            try await worker.run(shutdown: shutdown)
        }
    }

    /// Stops claiming and lets attempts finish; `run` returns when they have. A second call stops them.
    public func stop() { shutdown.advance(to: shutdown.isRunning ? .draining : .stopping) }

    /// Attempts that run now.
    public var running: Int { worker.running }
}
