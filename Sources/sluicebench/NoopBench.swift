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
        let drain_per_s: Double
        let pickup_p50_ms: Double
        let pickup_p99_ms: Double
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
        // Warm-up: plans, connections, pages.
        try await enqueue(1_000, enqueuer)
        let shutdown = Shutdown()
        let enqueueStart = ContinuousClock.now
        try await enqueue(tasks, enqueuer)
        let enqueueTime = enqueueStart.elapsed.inSeconds
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run(shutdown: shutdown) }
            group.addTask { await coordinator.run(shutdown: shutdown) }
            try await wait(for: 1_000 + tasks / 10, seen)
            let from = (count: seen.count, at: ContinuousClock.now)
            try await wait(for: 1_000 + tasks, seen)
            let rate = Double(seen.count - from.count) / from.at.elapsed.inSeconds
            let pickups = try await pickUps(enqueuer, seen)
            shutdown.advance(to: .draining)
            try await group.waitForAll()
            return Result(
                tasks: tasks,
                enqueue_per_s: (Double(tasks) / enqueueTime).rounded(),
                drain_per_s: rate.rounded(),
                pickup_p50_ms: quantile(pickups, 0.5),
                pickup_p99_ms: quantile(pickups, 0.99)
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
}

/// Which tasks have started, and when. Times are kept for the newest few.
private final class Seen: Sendable {
    private struct State {
        var count = 0
        var recent: [TaskID: Instant] = [:]
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }

    func started(_ id: TaskID) {
        state.withLock { state in
            state.count += 1
            if state.recent.count > 5_000 { state.recent.removeAll(keepingCapacity: true) }
            state.recent[id] = .now
        }
    }

    func time(of id: TaskID) -> Instant? { state.withLock { $0.recent[id] } }
}
