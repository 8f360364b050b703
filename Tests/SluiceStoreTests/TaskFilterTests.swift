import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Filters of tasks on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct TaskFilterTests {
    @Test("each part of a filter picks its tasks, wherever their rows are")
    func parts() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let acme = try #require(TenantID(rawValue: "acme"))
            try await store.ensureTenant(acme)
            let batch = try await store.createBatch(tenant: .default, label: "test")
            let plain = ControlFixture.task()
            var other = ControlFixture.task(kind: "other")
            other.tenant = acme
            other.queue = .embedding
            var counted = ControlFixture.task()
            counted.batch = batch
            var later = ControlFixture.task()
            later.delay = .seconds(3_600)
            let ids = try await tasks.enqueue([plain, other, counted, later]).map(\.id)
            func found(_ filter: TaskFilter) async throws -> [TaskID] {
                let found = try await store.tasks(filter, limit: 100).map(\.id)
                var counting = filter
                if counting.states.isEmpty { counting.states = TaskState.allCases.filter(\.isLive) }
                #expect(try await store.countTasks(counting) == found.count)
                return found
            }
            #expect(try await found(TaskFilter()) == ids.reversed())
            #expect(try await found(TaskFilter(tenant: acme)) == [ids[1]])
            #expect(try await found(TaskFilter(queue: .embedding)) == [ids[1]])
            #expect(try await found(TaskFilter(kind: TaskKind(trusted: "other"))) == [ids[1]])
            #expect(try await found(TaskFilter(batch: batch)) == [ids[2]])
            #expect(try await found(TaskFilter(states: [.scheduled])) == [ids[3]])
            #expect(try await found(TaskFilter(ids: [ids[0], ids[3]])) == [ids[3], ids[0]])
            #expect(try await found(TaskFilter(before: ids[2])) == [ids[1], ids[0]])
            #expect(try await found(TaskFilter(since: .ago(.seconds(60)))).count == 4)
            #expect(try await found(TaskFilter(since: .at(0), until: .ago(.seconds(60)))).isEmpty)

            let me = try await ControlFixture.worker(tasks)
            let held = try await tasks.claim([ids[0], ids[2]], queue: .ingestion, worker: me)
            #expect(try await found(TaskFilter(worker: me)) == [ids[2], ids[0]])
            let failure = TaskFailure(errorClass: "reader.failed", message: "page 7 is torn")
            _ = try await tasks.settle(
                held.map {
                    Settlement($0.fence, $0.id == ids[0] ? .retry(after: .seconds(60), failure) : .dead(failure))
                },
                worker: me
            )
            #expect(try await found(TaskFilter(errorLike: "PAGE 7")) == [ids[0]])
            #expect(try await found(TaskFilter(errorLike: "reader.%torn")) == [ids[0]])
            #expect(try await found(TaskFilter(errorLike: "page")).isEmpty == false)
            #expect(try await found(TaskFilter(errorLike: "torn%")).isEmpty, "a pattern is matched from the start")
            #expect(try await found(TaskFilter(states: [.dead], errorLike: "torn")) == [ids[2]])
            #expect(try await found(TaskFilter(states: [.dead, .retryable], errorLike: "torn")) == [ids[2], ids[0]])
            #expect(try await found(TaskFilter(states: [.dead], isQuarantined: true)).isEmpty)
            #expect(try await found(TaskFilter(states: [.dead], isQuarantined: false)) == [ids[2]])
            #expect(try await store.tasks(TaskFilter(states: [.dead], since: .ago(.seconds(60))), limit: 1).count == 1)
        }
    }

    @Test("every attempt is listed: one that failed, one that runs, the one that settled")
    func attempts() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let id = try await tasks.enqueue([ControlFixture.task()])[0].id
            let me = try await ControlFixture.worker(tasks)
            let first = try #require(try await tasks.claim([id], queue: .ingestion, worker: me).first)
            #expect(try await store.attempts(of: id).map(\.outcome) == ["running"])
            let failure = TaskFailure(errorClass: "a.b", message: "c")
            _ = try await tasks.settle([Settlement(first.fence, .retry(after: .zero, failure))], worker: me)
            _ = try await tasks.promoteDue(limit: 1)
            let second = try #require(try await tasks.claim([id], queue: .ingestion, worker: me).first)
            #expect(try await store.attempts(of: id).map(\.outcome) == ["failed", "running"])
            _ = try await tasks.settle([Settlement(second.fence, .completed)], worker: me)
            let all = try await store.attempts(of: id)
            #expect(all.map(\.outcome) == ["failed", "completed"])
            #expect(all.map(\.token) == [first.token, second.token] && all.allSatisfy { $0.worker == me })
            #expect(all[0].errorClass == "a.b" && all.allSatisfy { $0.claimedAt != nil && $0.endedAt != nil })
            #expect(try await store.task(id)?.state == .completed)
        }
    }

    @Test("the last error of a dead task is among its attempts")
    func lastError() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let id = try await tasks.enqueue([ControlFixture.task()])[0].id
            let me = try await ControlFixture.worker(tasks)
            let held = try #require(try await tasks.claim([id], queue: .ingestion, worker: me).first)
            _ = try await tasks.settle(
                [Settlement(held.fence, .dead(TaskFailure(errorClass: "a.b", message: "c")))],
                worker: me
            )
            let all = try await store.attempts(of: id)
            #expect(all.count == 1 && all[0].outcome == "failed" && all[0].errorMessage == "c")
        }
    }
}
