import Logging
import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

/// What an older and a newer release make of one kind.
private struct OldNote: TaskInput {
    static let kind = TaskKind(trusted: "note")
    static let queue = QueueName.maintenance
    let text: String
}

private struct NewNote: TaskInput {
    static let kind = OldNote.kind
    static let queue = OldNote.queue
    static let payloadVersion = 2
    let text: String
    let author: String
}

private struct Novelty: TaskInput {
    static let kind = TaskKind(trusted: "novelty")
    static let queue = OldNote.queue
}

@Suite("Workers of two releases on one queue", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct VersionSkewTests {
    private func worker(_ store: Store, _ handlers: HandlerRegistry) -> Worker {
        Worker(
            configuration: WorkerConfiguration(
                concurrency: [.maintenance: 2],
                host: "test",
                pid: 1,
                version: "0",
                idlePoll: .milliseconds(100)
            ),
            store: PostgresTaskStore(store),
            hints: nil,
            handlers: handlers,
            logger: TestServers.quiet
        )
    }

    private func settled(_ store: Store) async throws -> Int {
        Int(
            try await store.pool.query(
                Statement("SELECT count(*) FROM tasks_archive WHERE state = 'completed'") {
                    row throws(PostgresError) in try row.int64(0)
                }
            ).first ?? 0
        )
    }

    /// Outcome and class of every attempt kept, with the task's own attempt number after it.
    private func declines(_ store: Store) async throws -> [String] {
        try await store.pool.query(
            Statement("SELECT DISTINCT outcome || ' ' || error_class FROM attempts ORDER BY 1") {
                row throws(PostgresError) in try row.text(0)
            }
        )
    }

    @Test("the older one leaves what it cannot do to the newer one, without an attempt, and does not spin on it")
    func skew() async throws {
        try await withTestStore(poolSize: 12) { store in
            let tasks = PostgresTaskStore(store)
            var (older, newer) = (HandlerRegistry(), HandlerRegistry())
            older.register(OldNote.self) { _, _ in .completed }
            newer.register(NewNote.self) { _, _ in .completed }
            newer.register(Novelty.self) { _, _ in .completed }
            _ = try await tasks.enqueue([
                try NewTask(NewNote(text: "a", author: "b"), tenant: .default),
                try NewTask(Novelty(), tenant: .default),
                try NewTask(OldNote(text: "a"), tenant: .default),
            ])
            let (oldShutdown, newShutdown) = (Shutdown(), Shutdown())
            let (oldWorker, newWorker) = (worker(store, older), worker(store, newer))
            async let first: Void = oldWorker.run(shutdown: oldShutdown)
            // Nobody promotes here: both wait, declined once, with the reason kept and the attempt given back.
            try await eventually("what it can do is done, the rest declined") {
                try await settled(store) == 1 && oldWorker.stats.released == 2
            }
            #expect(try await declines(store) == ["released kind.unknown", "released payload.newer"])
            let left = try await store.tasks(TaskFilter(states: [.scheduled]), limit: 10)
            #expect(left.count == 2 && left.allSatisfy { $0.attempt == 0 })
            async let second: Void = newWorker.run(shutdown: newShutdown)
            try await eventually("the newer one does the rest") {
                // Either may claim them each time; without waiting for delays that double, the newer one soon does.
                _ = try await store.hurry(TaskFilter(), all: true)
                return try await settled(store) == 3
            }
            oldShutdown.advance(to: .draining)
            newShutdown.advance(to: .draining)
            _ = try await (first, second)
            #expect(try await store.deadLetters(DeadLetterFilter(), limit: 1).isEmpty)
        }
    }

    @Test("declined again and again, a task waits longer each time, up to five minutes")
    func growing() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let id = try await tasks.enqueue([try NewTask(Novelty(), tenant: .default)])[0].id
            let me = try await store.testWorker([.maintenance])
            let delay = Statement<Double>("SELECT extract(epoch FROM run_at - now())::float8 FROM tasks") {
                row throws(PostgresError) in try row.float8(0)
            }
            for round in 0..<12 {
                try await store.pool.execute(Statement("UPDATE tasks SET state = 'available'"))
                let claimed = try await tasks.claim([id], queue: .maintenance, worker: me)
                let reason = try #require(DeclinePolicy.reason(claimed[0], knownVersion: nil))
                #expect(try await tasks.settle([Settlement(claimed[0].fence, .declined(reason))], worker: me).isEmpty)
                let expected = DeclinePolicy.delay(earlier: round).inSeconds
                let waits = try #require(try await store.pool.query(delay).first)
                #expect(waits <= expected && waits > expected * 0.75 - 1, "round \(round)")
            }
            #expect(DeclinePolicy.delay(earlier: 12) == DeclinePolicy.longest)
            #expect(DeclinePolicy.delay(earlier: 1_000_000) == DeclinePolicy.longest)
        }
    }

    @Test("a worker without the key declines, one with it performs; a broken seal is an attempt's failure")
    func keys() async throws {
        try await withTestStore(poolSize: 12) { plain in
            let sealed = Store(
                configuration: PostgresConfiguration(
                    url: try TestServers.requireDatabaseURL(),
                    applicationName: "sluice-test",
                    poolSize: 4
                ),
                schema: plain.schema,
                payloadKeys: try PayloadKeys("k:\(PayloadKeysTests.old)"),
                logger: TestServers.quiet
            )
            defer { sealed.close() }
            let tasks = PostgresTaskStore(sealed)
            let ids = try await tasks.enqueue([
                try NewTask(OldNote(text: "a"), tenant: .default), try NewTask(OldNote(text: "b"), tenant: .default),
            ]).map(\.id)
            try await plain.pool.execute(
                Statement(
                    "UPDATE tasks SET payload = '{\"$sealed\": \"k:AAAA\"}' WHERE id = $1",
                    [.int8(ids[1].rawValue)]
                )
            )
            var handlers = HandlerRegistry()
            handlers.register(OldNote.self) { _, _ in .completed }
            let (blindShutdown, seeingShutdown) = (Shutdown(), Shutdown())
            let (blind, seeing) = (worker(plain, handlers), worker(sealed, handlers))
            async let first: Void = blind.run(shutdown: blindShutdown)
            try await eventually("declined") { blind.stats.released == 2 }
            blindShutdown.advance(to: .draining)
            try await first
            #expect(try await declines(plain) == ["released payload.locked"])
            async let second: Void = seeing.run(shutdown: seeingShutdown)
            try await eventually("one done, one failed") {
                _ = try await tasks.promoteDue(limit: 10)
                let isDone = try await settled(plain) == 1
                let kept = try await declines(plain)
                return isDone && kept.contains("failed payload.not_authentic")
            }
            seeingShutdown.advance(to: .draining)
            try await second
        }
    }
}
