internal import Logging
internal import SluiceBroker
internal import SluiceCore
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem
internal import Synchronization

/// A coordinator and a worker in this process that do nothing but no-ops, on the real servers.
struct NoopFleet {
    let store: Store
    let enqueuer: Enqueuer
    let seen = Seen()
    let books: NoopBooks
    private let worker: Worker
    private let coordinator: Coordinator

    /// - Parameter work: what a handler does; nothing by default.
    init(
        _ settings: Settings,
        concurrency: Int,
        work: @escaping @Sendable (ClaimedTask) async throws -> Void = { _ in }
    ) throws {
        let logger = Logger.line("sluicebench", level: "error")
        store = settings.makeStore("sluicebench", poolSize: 8, logger: logger)
        books = NoopBooks(store: store)
        let taskStore = PostgresTaskStore(store)
        let hints = try settings.makeHints()
        enqueuer = Enqueuer(store: taskStore, hints: hints, logger: logger)
        var handlers = HandlerRegistry()
        let seen = seen
        handlers.register(NoopInput.self) { _, context in
            seen.started(context.task)
            try await work(context.task)
            return .completed
        }
        worker = Worker(
            configuration: WorkerConfiguration(
                concurrency: [NoopInput.queue: concurrency],
                host: Environment.hostName(),
                pid: Environment.processID(),
                version: Version.text
            ),
            store: taskStore,
            hints: hints,
            handlers: handlers,
            logger: logger
        )
        coordinator = Coordinator(
            configuration: CoordinatorConfiguration(
                host: Environment.hostName(),
                pid: Environment.processID(),
                version: Version.text
            ),
            store: taskStore,
            hints: hints,
            logger: logger
        )
    }

    /// Runs worker and coordinator, or the coordinator alone, while `body` runs, then drains them.
    func run<Value: Sendable>(
        withWorker: Bool = true,
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let shutdown = Shutdown()
        return try await withThrowingTaskGroup(of: Void.self) { [worker, coordinator] group in
            if withWorker { group.addTask { try await worker.run(shutdown: shutdown) } }
            group.addTask { await coordinator.run(shutdown: shutdown) }
            let value = try await body()
            shutdown.advance(to: .draining)
            try await group.waitForAll()
            return value
        }
    }

    /// Settlements of the worker that were refused for an old token.
    var stale: Int { worker.stats.stale }

    func enqueue(_ count: Int, tenant: TenantID = .default) async throws {
        let task = try NewTask(NoopInput(), tenant: tenant)
        for start in stride(from: 0, to: count, by: 10_000) {
            try await enqueuer.enqueue([NewTask](repeating: task, count: min(10_000, count - start)))
        }
    }

    /// Waits until every task has left the hot table; throws unless as many stand in the archive, each once.
    func settle(_ expected: Int) async throws {
        // The last ones are written within milliseconds; a look costs less than that.
        while try await books.live() > 0 { try await Task.sleep(for: .milliseconds(5)) }
        let archived = try await books.archived()
        guard archived == expected else {
            throw BenchFailure("\(expected) tasks were enqueued, \(archived) are archived")
        }
    }
}

/// Which tasks have started, and when.
final class Seen: Sendable {
    private struct State {
        var count = 0
        var times: [TaskID: Instant]?
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }

    /// From now on; until then starts are only counted, which costs nothing.
    func recordTimes() { state.withLock { $0.times = [:] } }

    func started(_ task: ClaimedTask) {
        state.withLock { state in
            state.count += 1
            state.times?[task.id] = .now
        }
    }

    func time(of id: TaskID) -> Instant? { state.withLock { $0.times?[id] } }

    func wait(for count: Int) async throws {
        while self.count < count { try await Task.sleep(for: .milliseconds(2)) }
    }
}
