import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import Testing

@testable import SluiceStore

@Suite("Fair claims and what they cost on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct FairClaimTests {
    private let noisy = DispatchFixture.noisy
    private let quiet = DispatchFixture.quiet

    @Test("without hints tenants take turns by their weights, and a tenant's tasks go by priority with age")
    func turns() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            try await fixture.enqueue(500, tenant: noisy)
            let mine = try await fixture.enqueue(30, tenant: quiet)
            let first = try await fixture.claimNext(20)
            #expect(first.count == 20 && first.count { $0.tenant == quiet } == 10)
            try await fixture.setWeight(3, of: quiet)
            let second = try await fixture.claimNext(20)
            #expect((14...16).contains(second.count { $0.tenant == quiet }))
            let rest = try await fixture.claimNext(200)
            #expect(rest.count == 200, "a tenant that has little leaves its places to the others")
            #expect(Set((first + second + rest).filter { $0.tenant == quiet }.map(\.id)) == Set(mine))
            let urgent = try await fixture.enqueue(2, tenant: noisy, priority: 0)
            #expect(Set(try await fixture.claimNext(2).map(\.id)) == Set(urgent))
            try await store.pool.execute(
                Statement(
                    "UPDATE tasks SET run_at = now() - interval '1 hour' WHERE state = 'available' AND id % 10 = 0"
                )
            )
            try await fixture.enqueue(5, tenant: noisy, priority: 0)
            #expect(
                try await fixture.claimNext(5).allSatisfy { $0.id.rawValue % 10 == 0 },
                "who waited for an hour goes first"
            )
        }
    }

    @Test("with more tenants than one look takes in, each gets its turn")
    func many() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            for number in 0..<200 { try await fixture.enqueue(2, tenant: TenantID(trusted: "t\(1_000 + number)")) }
            var seen: Set<TenantID> = []
            var claims = 0
            while seen.count < 200, claims < 12 {
                claims += 1
                seen.formUnion(try await fixture.claimNext(40).map(\.tenant))
            }
            #expect(seen.count == 200, "\(claims) claims of 40")
        }
    }

    private func pages<Row>(_ statement: Statement<Row>, _ store: Store) async throws -> (count: Int, plan: String) {
        let lines = try await store.pool.query(
            Statement<String>("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) " + statement.sql, statement.parameters) {
                row throws(PostgresError) in try row.text(0)
            }
        )
        let buffers = lines.first { $0.contains("Buffers:") } ?? ""
        let count = buffers.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }.reduce(0, +)
        return (count, lines.joined(separator: "\n"))
    }

    @Test("the cost of looking follows the streams and the room, not the depth", arguments: [false, true])
    func cost(isAnalysed: Bool) async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            try await store.pool.withConnection {
                try await $0.script(
                    """
                    ALTER TABLE tasks SET (autovacuum_enabled = off);
                    INSERT INTO tasks (tenant_id, queue, kind, state, priority, payload)
                    SELECT CASE WHEN n % 1000 < 990 THEN 'noisy' ELSE 'quiet' || n % 10 END, 'ingestion',
                        CASE WHEN n % 3 = 0 THEN 'a' ELSE 'b' END, 'available', n % 2, '{}'
                    FROM generate_series(1, 150000) AS n;
                    """ + (isAnalysed ? "ANALYZE tasks" : "")
                )
            }
            let streams = try await fixture.tasks.streams(queue: .ingestion, after: nil, limit: 512)
            #expect(Set(streams.map(\.tenant)).count == 11)
            #expect(streams == streams.sorted { ($0.tenant, $0.kind, $0.priority) < ($1.tenant, $1.kind, $1.priority) })
            let after = try await fixture.tasks.streams(queue: .ingestion, after: noisy, limit: 512)
            #expect(after == streams.filter { $0.tenant > noisy })
            #expect(try await fixture.tasks.streams(queue: .embedding, after: nil, limit: 512).isEmpty)

            let look = try await pages(DispatchStatements.streams(.ingestion, after: "", limit: 512), store)
            #expect(look.count < streams.count * 20, "\(look.count) pages:\n\(look.plan)")
            let besides = try await pages(DispatchStatements.streams(.ingestion, besides: streams), store)
            #expect(besides.count < streams.count * 40, "\(besides.count) pages:\n\(besides.plan)")
            #expect(try await fixture.tasks.streams(queue: .ingestion, besides: streams).isEmpty)
            #expect(try await fixture.tasks.streams(queue: .ingestion, besides: []).count == 1)
            for index in streams.indices {
                var known = streams
                let unknown = known.remove(at: index)
                #expect(try await fixture.tasks.streams(queue: .ingestion, besides: known) == [unknown])
            }
            let requests = streams.map { StreamRequest(stream: $0, limit: 20) }
            let heads = try await pages(DispatchStatements.heads(.ingestion, requests), store)
            #expect(heads.count < requests.count * 60, "\(heads.count) pages:\n\(heads.plan)")
            let found = try await fixture.tasks.heads(queue: .ingestion, of: requests)
            #expect(found.count == requests.count * 20)
            let known = try await pages(DispatchStatements.available(found.prefix(100).map(\.id)), store)
            #expect(known.count < 100 * 20, "\(known.count) pages:\n\(known.plan)")
            #expect(try await fixture.tasks.available(among: found.map(\.id)).count == found.count)
            let claim = try await pages(
                ClaimStatements.claimNext(
                    queue: .ingestion,
                    limit: 50,
                    worker: fixture.worker,
                    after: "",
                    aging: AgingOrder()
                ),
                store
            )
            #expect(claim.count < 64 * streams.count * 10, "\(claim.count) pages:\n\(claim.plan)")
            for plan in [look.plan, besides.plan, heads.plan, known.plan, claim.plan] {
                #expect(!plan.contains("Seq Scan on tasks"), "\(plan)")
            }
            #expect(
                try await fixture.tasks.running(in: [.queue(.ingestion), .kind(TaskKind(trusted: "a"))]).values.max()
                    == 50
            )
        }
    }

    @Test("while a transaction is left open, what has gone from known streams is not passed over")
    func held() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            try await store.pool.withConnection {
                try await $0.script("ALTER TABLE tasks SET (autovacuum_enabled = off)")
            }
            for kind in ["b", "d"] { try await fixture.enqueue(4_000, kind: TaskKind(trusted: kind)) }
            let known = try await fixture.tasks.streams(queue: .ingestion, after: nil, limit: 512)
            #expect(known.count == 2)
            try await store.pool.transaction(readOnly: true, repeatableRead: true) { transaction in
                try await transaction.execute(Statement("SELECT count(*) FROM queues"))
                try await store.pool.execute(Statement("DELETE FROM tasks"))
                let whole = try await pages(DispatchStatements.streams(.ingestion, after: "", limit: 512), store)
                let besides = try await pages(DispatchStatements.streams(.ingestion, besides: known), store)
                #expect(whole.count > 200, "\(whole.count) pages:\n\(whole.plan)")
                #expect(besides.count < 40, "\(besides.count) pages:\n\(besides.plan)")
                var new: Set<BacklogStream> = []
                for kind in ["a", "c", "e"] { try await fixture.enqueue(2, kind: TaskKind(trusted: kind)) }
                try await fixture.enqueue(1, tenant: noisy, kind: TaskKind(trusted: "b"))
                try await fixture.enqueue(1, kind: TaskKind(trusted: "b"), priority: 7)
                for _ in 0..<2 {
                    new.formUnion(
                        try await fixture.tasks.streams(queue: .ingestion, besides: known + Array(new))
                    )
                }
                #expect(Set(new.map(\.kind.rawValue)) == ["a", "b", "c", "e"] && new.count == 5)
            }
        }
    }
}
