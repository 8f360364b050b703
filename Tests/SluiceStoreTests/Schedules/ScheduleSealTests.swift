import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Sealed payloads of schedules", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct ScheduleSealTests {
    private func with<Value: Sendable>(
        _ keys: String,
        on store: Store,
        _ body: (ScheduleFixture) async throws -> Value
    ) async throws -> Value {
        let other = Store(
            configuration: PostgresConfiguration(
                url: try TestServers.requireDatabaseURL(),
                applicationName: "sluice-test",
                poolSize: 3
            ),
            schema: store.schema,
            payloadKeys: try PayloadKeys(keys),
            logger: TestServers.quiet
        )
        defer { other.close() }
        return try await body(ScheduleFixture(other))
    }

    @Test(
        "a schedule's payload is sealed at rest, opened to fire, sealed again in the task, and rotated with the others"
    )
    func life() async throws {
        let old = "old:\(PayloadKeysTests.old)"
        try await withTestStore { plain in
            try await ScheduleFixture(plain).add(named: "never-sealed", payload: #"{"secret": 1}"#)
            try await with(old, on: plain) { fixture in
                try await fixture.add(fireTimeKey: "at", payload: #" {"secret": 2} "#)
                #expect(try await fixture.record().payload.contains("$sealed"))
                #expect(try await !fixture.record().payload.contains("secret"))
            }
            let unlocked = ScheduleFixture(plain)
            await #expect(throws: TaskFailure.self, "without the key there is nothing to enqueue") {
                try await plain.triggerSchedule(unlocked.name, tenant: .default)
            }
            try await unlocked.setDue(try await unlocked.minutes(ago: 0))
            _ = try await unlocked.scheduler().round()
            #expect(try await unlocked.record().problem?.contains("no key 'old'") == true)

            try await with("new:\(PayloadKeysTests.new),\(old)", on: plain) { fixture in
                #expect(try await fixture.store.reseal(.schedules, after: nil, limit: 100).resealed == 2)
                #expect(try await fixture.record("never-sealed").payload.contains("\"new:"))
                _ = try await fixture.store.triggerSchedule(fixture.name, tenant: .default)
                #expect(try await fixture.liveTasks().allSatisfy { $0.payload.contains("$sealed") })
                let worker = try await fixture.store.testWorker([.maintenance])
                let claimed = try await PostgresTaskStore(fixture.store)
                    .claimNext(queue: .maintenance, limit: 10, worker: worker)
                let fire = try #require(try await fixture.history().first { $0.how == .trigger })
                let time = UnixTime(microseconds: fire.fireTime)
                #expect(claimed.map(\.payload) == [#"{"at": "\#(time)", "secret": 2} "#])
            }
        }
    }

    @Test("a payload must leave room for the fire's time and for a seal")
    func reserved() async throws {
        try await ScheduleFixture.run { fixture in
            await #expect(throws: TaskFailure.self) {
                try await fixture.add(fireTimeKey: "at", payload: #"{"at": 1}"#)
            }
            await #expect(throws: TaskFailure.self) { try await fixture.add(payload: #"{"$sealed": "x"}"#) }
            let defaults = try #require(try await fixture.store.defaults(of: TaskKind(trusted: "index.build")))
            #expect(defaults.queue == .maintenance && defaults.maxAttempts == 5 && defaults.timeoutSeconds == 21_600)
            #expect(try await fixture.store.defaults(of: TaskKind(trusted: "unheard.of")) == nil)
        }
    }
}
