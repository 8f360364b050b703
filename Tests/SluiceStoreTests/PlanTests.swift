import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import Testing

@testable import SluiceStore

/// The hot statements must cost what their batch costs, never what the table holds, also on a table that was never analysed:
/// a queue fills faster than autovacuum looks.
@Suite("Plans of the hot statements", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct PlanTests {
    private static let depth = 30_000

    /// Pages that the statement touched, and its plan.
    private func cost<Row>(_ statement: Statement<Row>, _ store: Store) async throws -> (pages: Int, plan: String) {
        let lines = try await store.pool.query(
            Statement<String>("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) " + statement.sql, statement.parameters) {
                row throws(PostgresError) in try row.text(0)
            }
        )
        // The first line with buffers is the whole statement's.
        let hits = lines.first { $0.contains("Buffers:") } ?? ""
        let pages = hits.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }.reduce(0, +)
        return (pages, lines.joined(separator: "\n"))
    }

    private func filled(_ body: (Store, PostgresTaskStore, WorkerID, [TaskID]) async throws -> Void) async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            // Nobody may analyse it meanwhile.
            try await store.pool.withConnection {
                try await $0.script("ALTER TABLE tasks SET (autovacuum_enabled = off)")
            }
            let new = NewTask(tenant: .default, queue: .ingestion, kind: TaskKind(trusted: "noop"), payload: "{}")
            let ids = try await tasks.enqueue([NewTask](repeating: new, count: Self.depth)).map(\.id)
            let worker = WorkerID.random()
            try await tasks.register(
                WorkerRegistration(
                    id: worker,
                    role: .worker,
                    host: "test",
                    pid: 1,
                    version: "0",
                    queues: [.ingestion],
                    concurrency: 4,
                    leaseLength: .seconds(60)
                )
            )
            try await body(store, tasks, worker, ids)
        }
    }

    @Test("a claim looks its ids up one by one")
    func claim() async throws {
        try await filled { store, _, worker, ids in
            for round in 0..<8 {
                let batch = Array(ids[(round * 100)..<(round * 100 + 100)])
                let found = try await cost(ClaimStatements.claim(batch, queue: .ingestion, worker: worker), store)
                #expect(found.pages < 100 * 40, "\(found.pages) pages:\n\(found.plan)")
                #expect(!found.plan.contains("Seq Scan on tasks") && !found.plan.contains("tasks_streams_idx"))
            }
        }
    }

    @Test("claiming without hints and looking for candidates read the head of the queue")
    func heads() async throws {
        try await filled { store, _, worker, _ in
            let next = try await cost(
                ClaimStatements.claimNext(
                    queue: .ingestion,
                    limit: 100,
                    worker: worker,
                    after: "",
                    aging: AgingOrder()
                ),
                store
            )
            #expect(next.pages < 100 * 40, "\(next.pages) pages:\n\(next.plan)")
        }
    }

    @Test("a verdict touches its own tasks only, and so does a rescue")
    func settle() async throws {
        try await filled { store, tasks, worker, ids in
            var fences: [Fence] = []
            for start in stride(from: 0, to: 2_000, by: 500) {
                fences += try await tasks.claim(Array(ids[start..<(start + 500)]), queue: .ingestion, worker: worker)
                    .map(\.fence)
            }
            #expect(fences.count == 2_000)
            for start in stride(from: 0, to: 800, by: 100) {
                let batch = Array(fences[start..<(start + 100)])
                let reasons = [String?](repeating: nil, count: batch.count)
                let found = try await cost(SettleStatements.archive(batch, as: .completed, reasons: reasons), store)
                #expect(found.pages < 100 * 60, "\(found.pages) pages:\n\(found.plan)")
                #expect(!found.plan.contains("Seq Scan on tasks"), "\(found.plan)")
            }
            let rescue = try await cost(DutyStatements.rescue(limit: 100, term: 1, isWhole: true), store)
            #expect(rescue.pages < 4_000, "\(rescue.pages) pages:\n\(rescue.plan)")
        }
    }
}
