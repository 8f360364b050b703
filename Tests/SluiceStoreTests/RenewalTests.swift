import SluiceCore
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Renewals on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct RenewalTests {
    private func register(_ tasks: PostgresTaskStore, lease: Duration = .seconds(30)) async throws -> WorkerID {
        let id = WorkerID.random()
        try await tasks.register(
            WorkerRegistration(
                id: id,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: [.ingestion],
                concurrency: 4,
                leaseLength: lease
            )
        )
        return id
    }

    private let report = WorkerReport(
        state: .live,
        running: 1,
        residentBytes: 1,
        isDegraded: false,
        staleSettlements: 0,
        leaseLength: .seconds(30)
    )

    @Test("tell a worker which claims it lost, and which it does not know of")
    func differences() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let new = NewTask(tenant: .default, queue: .ingestion, kind: TaskKind(trusted: "noop"), payload: "{}")
            _ = try await tasks.enqueue([NewTask](repeating: new, count: 4))
            let (me, other) = (try await register(tasks), try await register(tasks))
            let mine = try await tasks.claimNext(queue: .ingestion, limit: 3, worker: me).map(\.fence)
            let others = try await tasks.claimNext(queue: .ingestion, limit: 1, worker: other).map(\.fence)
            #expect(mine.count == 3 && others.count == 1)
            let former = Fence(task: mine[0].task, token: LeaseToken(9_999_999))

            #expect(try await tasks.renew(me, report: report, holding: mine) == .renewed(lost: [], strays: []))
            #expect(try await tasks.renew(me, report: report, holding: []) == .renewed(lost: [], strays: Set(mine)))
            #expect(
                try await tasks.renew(me, report: report, holding: [former, mine[1]] + others)
                    == .renewed(lost: Set([former] + others), strays: [mine[0], mine[2]])
            )
            // A stray is given back behind its fence like any other claim.
            let release = Settlement(mine[2], .released(after: .zero, reason: "the answer to its claim was lost"))
            #expect(try await tasks.settle([release], worker: me).isEmpty)
            let left = try await tasks.renew(me, report: report, holding: [mine[0], mine[1]])
            #expect(left == .renewed(lost: [], strays: []))
            #expect(try await tasks.claimNext(queue: .ingestion, limit: 9, worker: me).map(\.attempt) == [1])
        }
    }

    @Test("an expired lease is never extended")
    func expired() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let me = try await register(tasks, lease: .microseconds(1))
            try await eventually("expired") {
                try await tasks.renew(me, report: report, holding: []) == .expired
            }
            #expect(try await tasks.renew(.random(), report: report, holding: []) == .expired)
        }
    }
}
