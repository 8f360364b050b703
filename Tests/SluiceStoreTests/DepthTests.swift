import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import Testing

@testable import SluiceStore

@Suite("Depths of queues", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct DepthTests {
    private func fill(_ tasks: PostgresTaskStore, _ count: Int, delay: Duration = .zero) async throws {
        let new = NewTask(
            tenant: .default,
            queue: .embedding,
            kind: TaskKind(trusted: "noop"),
            payload: "{}",
            delay: delay
        )
        _ = try await tasks.enqueue([NewTask](repeating: new, count: count))
    }

    private func embedding(_ store: Store) async throws -> StatusSnapshot.Queue {
        try #require(try await store.status().queues.first { $0.name == .embedding })
    }

    @Test("are exact while they can be counted, and the leader's count beyond")
    func ready() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            try await fill(tasks, 300)
            try await fill(tasks, 200, delay: .seconds(900))
            var queue = try await embedding(store)
            #expect(queue.ready == 300 && queue.scheduled == 200 && queue.retryable == 0 && !queue.isEstimate)
            #expect(try #require(queue.oldestReadySeconds) < 60)

            try await fill(tasks, DepthStatements.exact + 4_700)
            queue = try await embedding(store)
            #expect(
                queue.isEstimate && queue.ready == DepthStatements.exact + 1,
                "nobody has counted: the least there is"
            )
            let coordinator = WorkerID.random()
            let term = try #require(try await tasks.lead(as: coordinator, for: .seconds(30)))
            try await tasks.reportLeader(term: term, relayLag: .zero, rescued: 0)
            queue = try await embedding(store)
            #expect(queue.isEstimate && queue.ready == DepthStatements.exact + 5_000)
            #expect(queue.scheduled == 200)
        }
    }

    @Test("of tasks that wait are the leader's as well, and are forgotten when the queue is shallow again")
    func waiting() async throws {
        try await withTestStore { store in
            try await fill(PostgresTaskStore(store), DepthStatements.exact + 10, delay: .seconds(900))
            let term = try #require(
                try await PostgresTaskStore(store).lead(as: WorkerID.random(), for: .seconds(30))
            )
            try await store.pool.execute(DepthStatements.refresh(term: term))
            let queue = try await embedding(store)
            #expect(queue.isEstimate && queue.scheduled == DepthStatements.exact + 10 && queue.ready == 0)
            #expect(queue.oldestReadySeconds == nil)
            try await store.pool.withConnection { try await $0.script("DELETE FROM tasks WHERE id % 2 = 0") }
            try await store.pool.execute(DepthStatements.refresh(term: term + 1))
            try await store.pool.execute(DepthStatements.refresh(term: term))
            #expect(try await !embedding(store).isEstimate)
        }
    }
}
