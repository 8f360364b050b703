import SluiceCore
import SluiceQueue
import SluiceServerKit
import SluiceStore
import Testing

@Suite("Facts for operators", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct FactsTests {
    @Test("ids without a live task are told from those with one")
    func strays() async throws {
        try await withTestStore { store in
            let new = NewTask(tenant: .default, queue: .ingestion, kind: TaskKind(trusted: "noop"), payload: "{}")
            let id = try await PostgresTaskStore(store).enqueue([new])[0].id
            let never = TaskID(rawValue: id.rawValue + 1_000)
            #expect(try await store.withoutTask(among: [id, never]) == [never])
            #expect(try await store.withoutTask(among: []) == [])
        }
    }

    @Test("sessions of the fleet have its settings, and nobody leads a fleet that does not run")
    func fleet() async throws {
        try await withTestStore { store in
            let facts = try await store.fleetFacts()
            #expect(facts.missingSettings == [])
            #expect(!facts.isPooled)
            #expect(abs(facts.clockSkewSeconds) < 5)
            #expect(!facts.isLed && facts.versions == [])
        }
    }
}
