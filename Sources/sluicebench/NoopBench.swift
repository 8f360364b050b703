internal import Logging
internal import SluiceCore
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem
internal import Synchronization

/// No-op tasks through the whole engine: PostgreSQL, Redis, a coordinator and a worker in this process.
struct NoopBench {
    struct Result: Encodable {
        let tasks: Int
        let enqueue_per_s: Double
        /// From the worker's start, with everything enqueued, until every task's row stands in the archive.
        let drain_per_s: Double
        /// Enqueued, dispatched, run and settled, one after the other.
        let end_to_end_per_s: Double
        /// Transactions of the whole database while it drained; each is one round trip here.
        let transactions_per_task: Double
        /// An idle fleet, one task at a time.
        let pickup_p50_ms: Double
        let pickup_p99_ms: Double
        /// At half of the end-to-end rate.
        let load_per_s: Double
        let load_pickup_p50_ms: Double
        let load_pickup_p99_ms: Double
    }

    let settings: Settings
    let tasks: Int
    let concurrency: Int

    func run() async throws -> Result {
        let logger = Logger.line("sluicebench", level: "error")
        let store = settings.makeStore("sluicebench", poolSize: 8, logger: logger)
        defer { store.close() }
        let taskStore = PostgresTaskStore(store)
        let hints = try settings.makeHints()
        let enqueuer = Enqueuer(store: taskStore, hints: hints, logger: logger)
        let seen = Seen()
        var handlers = HandlerRegistry()
        handlers.register(NoopInput.self) { _, context in
            seen.started(context.task.id)
            return .completed
        }
        let worker = Worker(
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
        let coordinator = Coordinator(
            configuration: CoordinatorConfiguration(
                host: Environment.hostName(),
                pid: Environment.processID(),
                version: Version.text
            ),
            store: taskStore,
            hints: hints,
            logger: logger
        )
        let books = NoopBooks(store: store)
        let shutdown = Shutdown()
        let enqueueStart = ContinuousClock.now
        try await enqueue(tasks, enqueuer)
        let enqueueTime = enqueueStart.elapsed.inSeconds
        let transactionsBefore = try await books.transactions()
        let drainStart = ContinuousClock.now
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run(shutdown: shutdown) }
            group.addTask { await coordinator.run(shutdown: shutdown) }
            try await wait(for: tasks, seen)
            // The last ones are written within milliseconds; a look costs less than that.
            while try await books.live() > 0 { try await Task.sleep(for: .milliseconds(5)) }
            let drainTime = drainStart.elapsed.inSeconds
            let transactions = try await books.transactions() - transactionsBefore
            let archived = try await books.archived()
            guard archived == tasks, seen.count == tasks else {
                throw BenchFailure("\(tasks) tasks were enqueued, \(seen.count) started and \(archived) are archived")
            }
            seen.recordTimes()
            let idle = try await pickUps(enqueuer, seen)
            let endToEnd = Double(tasks) / (enqueueTime + drainTime)
            let load = try await pickUps(atRate: endToEnd / 2, for: .seconds(8), enqueuer, seen)
            shutdown.advance(to: .draining)
            try await group.waitForAll()
            return Result(
                tasks: tasks,
                enqueue_per_s: (Double(tasks) / enqueueTime).rounded(),
                drain_per_s: (Double(tasks) / drainTime).rounded(),
                end_to_end_per_s: endToEnd.rounded(),
                transactions_per_task: Double(transactions) / Double(tasks),
                pickup_p50_ms: quantile(idle, 0.5),
                pickup_p99_ms: quantile(idle, 0.99),
                load_per_s: load.rate.rounded(),
                load_pickup_p50_ms: quantile(load.times, 0.5),
                load_pickup_p99_ms: quantile(load.times, 0.99)
            )
        }
    }

    private func enqueue(_ count: Int, _ enqueuer: Enqueuer) async throws {
        let task = try NewTask(NoopInput(), tenant: .default)
        for start in stride(from: 0, to: count, by: 10_000) {
            try await enqueuer.enqueue([NewTask](repeating: task, count: min(10_000, count - start)))
        }
    }

    private func wait(for count: Int, _ seen: Seen) async throws {
        while seen.count < count { try await Task.sleep(for: .milliseconds(2)) }
    }

    /// From the return of the enqueue's commit to the handler's start, one task at a time on an idle fleet.
    private func pickUps(_ enqueuer: Enqueuer, _ seen: Seen) async throws -> [Double] {
        let task = try NewTask(NoopInput(), tenant: .default)
        var times: [Double] = []
        for _ in 0..<300 {
            let before = ContinuousClock.now
            let id = try await enqueuer.enqueue([task])[0].id
            while seen.time(of: id) == nil { try await Task.sleep(for: .milliseconds(1)) }
            guard let at = seen.time(of: id) else { continue }
            // The commit lies between the call and the return; counted from the call, nothing is flattered.
            times.append((at - before).inSeconds * 1_000)
            try await Task.sleep(for: .milliseconds(5))
        }
        return times.sorted()
    }

    /// From the call to the handler's start, of all tasks of a steady load in batches of twenty.
    private func pickUps(
        atRate rate: Double,
        for length: Duration,
        _ enqueuer: Enqueuer,
        _ seen: Seen
    ) async throws -> (times: [Double], rate: Double) {
        let batch = 20
        let tasks = [NewTask](repeating: try NewTask(NoopInput(), tenant: .default), count: batch)
        let pause = Duration.seconds(Double(batch) / rate)
        let start = ContinuousClock.now
        var called: [(at: Instant, ids: [TaskID])] = []
        var next = start
        while start.elapsed < length {
            let at = ContinuousClock.now
            called.append((at, try await enqueuer.enqueue(tasks).map(\.id)))
            next += pause
            // When the machine cannot keep the pace the rate that it kept is what counts.
            if next > .now { try await Task.sleep(until: next) } else { next = .now }
        }
        let kept = Double(called.count * batch) / start.elapsed.inSeconds
        guard let last = called.last?.ids.last else { return ([], 0) }
        while seen.time(of: last) == nil { try await Task.sleep(for: .milliseconds(5)) }
        var times: [Double] = []
        // The first second warms caches.
        for call in called where call.at - start > .seconds(1) {
            for id in call.ids {
                while seen.time(of: id) == nil { try await Task.sleep(for: .milliseconds(5)) }
                if let started = seen.time(of: id) { times.append((started - call.at).inSeconds * 1_000) }
            }
        }
        return (times.sorted(), kept)
    }
}

/// Which tasks have started, and when.
private final class Seen: Sendable {
    private struct State {
        var count = 0
        var times: [TaskID: Instant]?
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }

    /// From now on; until then starts are only counted, which costs nothing.
    func recordTimes() { state.withLock { $0.times = [:] } }

    func started(_ id: TaskID) {
        state.withLock { state in
            state.count += 1
            state.times?[id] = .now
        }
    }

    func time(of id: TaskID) -> Instant? { state.withLock { $0.times?[id] } }
}
