import Logging
import SluiceCore
import SluiceQueue
import SluiceSystem
import Synchronization

/// Runs a worker around `body`, then drains it.
func withWorker(
    _ store: any TaskStore,
    _ hints: (any TaskHints)?,
    configuration: WorkerConfiguration = configuration(),
    shutdown: Shutdown = Shutdown(),
    logger: Logger = silent,
    perform: @escaping @Sendable (Probe, AttemptContext) async throws -> AttemptOutcome = { _, _ in .completed },
    _ body: (Worker) async throws -> Void
) async throws {
    var handlers = HandlerRegistry()
    handlers.register(Probe.self, perform: perform)
    let worker = Worker(configuration: configuration, store: store, hints: hints, handlers: handlers, logger: logger)
    async let running: Void = worker.run(shutdown: shutdown)
    do {
        try await body(worker)
    } catch {
        shutdown.advance(to: .stopping)
        try await running
        throw error
    }
    shutdown.advance(to: .draining)
    try await running
}

/// Counts by number.
final class Tally: Sendable {
    private let values = Mutex<[Int: Int]>([:])

    var counts: [Int: Int] { values.withLock { $0 } }
    func add(_ number: Int) { values.withLock { $0[number, default: 0] += 1 } }
}

/// How many are inside at once.
final class Gauge: Sendable {
    private let values = Mutex((now: 0, highest: 0))

    var highest: Int { values.withLock { $0.highest } }
    var now: Int { values.withLock { $0.now } }

    func enter() {
        values.withLock { values in
            values.now += 1
            values.highest = max(values.highest, values.now)
        }
    }

    func leave() { values.withLock { $0.now -= 1 } }
}

/// Closed until it is opened, for all who wait; whoever is cancelled goes through with an error.
final class Gate: Sendable {
    private let shutdown = Shutdown()

    var isOpen: Bool { !shutdown.isRunning }
    func open() { shutdown.advance(to: .draining) }
    /// Cancellation ends the wait.
    func wait() async { await shutdown.wait(for: .draining) }
    /// Deaf to cancellation, like code in C, without blocking a thread that other tests need.
    func waitDeaf() async { try? await uncancelled { [shutdown] in await shutdown.wait(for: .draining) } }
}
