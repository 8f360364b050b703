import SluiceBroker
import SluiceCore
import SluiceQueue
import SluiceRedis
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Synchronization
import Testing

/// A coordinator and a worker on real servers: what controls and fairness promise, seen from the handlers.
@Suite("Fairness and caps of a whole engine", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(3)))
struct FairnessTests {
    private struct Probe: TaskInput {
        static let kind = TaskKind(trusted: "test.probe")
        static let queue = QueueName(trusted: "probes")
        static let retry = RetryPolicy(maxAttempts: 3, base: .milliseconds(100), cap: .seconds(1))
        static let timeout = Duration.seconds(60)
        let number: Int
    }

    private static let noisy = TenantID(trusted: "noisy")
    private static let quiet = TenantID(trusted: "quiet")

    /// What ran, in order, and how many at once.
    private final class Book: Sendable {
        private let state = Mutex((order: [TenantID](), running: [TenantID: Int](), most: [TenantID: Int]()))

        var order: [TenantID] { state.withLock { $0.order } }
        func most(_ tenant: TenantID) -> Int { state.withLock { $0.most[tenant] ?? 0 } }

        func begin(_ tenant: TenantID) {
            state.withLock { state in
                state.order.append(tenant)
                state.running[tenant, default: 0] += 1
                state.most[tenant] = max(state.most[tenant] ?? 0, state.running[tenant] ?? 0)
            }
        }

        func end(_ tenant: TenantID) { state.withLock { $0.running[tenant, default: 0] -= 1 } }
    }

    private func running(
        _ store: Store,
        concurrency: Int,
        pause: Duration = .zero,
        _ body: (Book, Enqueuer, RedisTaskHints) async throws -> Void
    ) async throws {
        let url = try #require(TestServers.redisURL)
        let hints = RedisTaskHints(
            try RedisConfiguration(url: url),
            prefix: "sluice-test-" + WorkerID.random().description
        )
        let tasks = PostgresTaskStore(store)
        let book = Book()
        var handlers = HandlerRegistry()
        handlers.register(Probe.self) { _, context in
            book.begin(context.task.tenant)
            if pause > .zero { try await Task.sleep(for: pause) }
            book.end(context.task.tenant)
            return .completed
        }
        let worker = Worker(
            configuration: WorkerConfiguration(
                concurrency: [Probe.queue: concurrency],
                host: "test",
                pid: 1,
                version: "0",
                drainTimeout: .seconds(5)
            ),
            store: tasks,
            hints: hints,
            handlers: handlers,
            logger: TestServers.quiet
        )
        let coordinator = Coordinator(
            configuration: CoordinatorConfiguration(host: "test", pid: 1, version: "0"),
            store: tasks,
            hints: hints,
            logger: TestServers.quiet
        )
        let shutdown = Shutdown()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run(shutdown: shutdown) }
            group.addTask { await coordinator.run(shutdown: shutdown) }
            defer { shutdown.advance(to: .draining) }
            try await body(book, Enqueuer(store: tasks, hints: hints, logger: TestServers.quiet), hints)
        }
        _ = try await hints.dropAll([Probe.queue])
        hints.close()
    }

    private func enqueue(_ count: Int, _ tenant: TenantID, _ enqueuer: Enqueuer) async throws {
        for start in stride(from: 0, to: count, by: 5_000) {
            try await enqueuer.enqueue(
                try (start..<min(start + 5_000, count)).map { try NewTask(Probe(number: $0), tenant: tenant) }
            )
        }
    }

    @Test("a tenant with very many queued delays another's hundred by less than two windows")
    func fair() async throws {
        try await withTestStore { store in
            try await running(store, concurrency: 8, pause: .milliseconds(1)) { book, enqueuer, hints in
                try await enqueue(20_000, Self.noisy, enqueuer)
                try await eventually("under way") { book.order.count > 500 }
                var window = 0
                try await enqueue(100, Self.quiet, enqueuer)
                let before = book.order.count
                try await eventually("all of the quiet tenant's ran") {
                    window = max(window, try await hints.windowCounts([Probe.queue])[Probe.queue] ?? 0)
                    return book.order.count { $0 == Self.quiet } == 100
                }
                let last = try #require(book.order.lastIndex(of: Self.quiet))
                let waited = book.order[before...last].count { $0 == Self.noisy }
                #expect(window <= RelayWindow.largest)
                #expect(
                    waited < 2 * max(window, RelayWindow.smallest),
                    "\(waited) of the noisy ran first, window \(window)"
                )
                // No need to run them all.
                try await store.pause(.tenant(Self.noisy, in: nil), reason: "enough", for: nil)
                try await eventually("paused") {
                    let before = book.order
                    try await enqueue(1, Self.quiet, enqueuer)
                    try await eventually("others go on") {
                        book.order.count { $0 == Self.quiet } == before.count { $0 == Self.quiet } + 1
                    }
                    return book.order.count == before.count + 1
                }
            }
        }
    }

    @Test("a cap holds across the engine, tasks beyond it wait without a loop, and all run in the end")
    func capped() async throws {
        try await withTestStore { store in
            try await store.setMaxRunning(.tenant(Self.noisy, in: Probe.queue), to: 2)
            try await running(store, concurrency: 16, pause: .milliseconds(5)) { book, enqueuer, _ in
                try await enqueue(40, Self.noisy, enqueuer)
                try await enqueue(40, Self.quiet, enqueuer)
                try await eventually("all ran", within: .seconds(60)) { book.order.count == 80 }
                #expect(book.most(Self.noisy) <= 2)
            }
        }
    }
}
