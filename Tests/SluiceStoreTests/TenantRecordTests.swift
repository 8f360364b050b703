import SluiceCore
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Tenants as operators see them", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(1)))
struct TenantRecordTests {
    @Test("weights are set for tenants that are known, what waits and runs is counted by queue")
    func tenants() async throws {
        try await withTestStore { store in
            let tasks = PostgresTaskStore(store)
            let (acme, other) = (TenantID(trusted: "acme"), TenantID(trusted: "other"))
            #expect(try await store.setWeight(7, of: acme) == false, "not known yet")
            #expect(try await store.setWeight(7, of: acme, isNew: true))
            #expect(try await store.setWeight(3, of: acme))
            #expect(try await store.tenant(acme)?.weight == 3)
            #expect(try await store.tenant(other) == nil)
            #expect(try await store.runningKinds().isEmpty)

            _ = try await tasks.enqueue(
                [.ingestion, .ingestion, .maintenance, .maintenance, .maintenance].map {
                    NewTask(tenant: acme, queue: $0, kind: TaskKind(trusted: "note"), payload: "{}")
                }
            )
            let worker = try await ControlFixture.worker(tasks, lease: .seconds(600))
            let held = try await tasks.claimNext(queue: .maintenance, limit: 2, worker: worker)
            try #require(held.count == 2)
            let backlog = try await store.backlog(of: acme).map {
                "\($0.queue): \($0.ready) ready, \($0.running) running"
            }
            #expect(backlog == ["ingestion: 2 ready, 0 running", "maintenance: 1 ready, 2 running"])
            #expect(try await store.backlog(of: other).isEmpty)
            #expect(try await store.tenants(limit: 10).first { $0.id == acme }?.running == 2)
            #expect(try await store.runningKinds() == [TaskKind(trusted: "note"): 2])
        }
    }
}
