import Logging
import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit

/// A store with schedules whose due time is moved about: the database's clock cannot be, so the past is made instead.
struct ScheduleFixture {
    let store: Store
    let port: PostgresScheduleStore
    let name = ScheduleName(trusted: "nightly")

    init(_ store: Store) {
        self.store = store
        port = PostgresScheduleStore(store)
    }

    static func run(_ body: (ScheduleFixture) async throws -> Void) async throws {
        try await withTestStore { try await body(ScheduleFixture($0)) }
    }

    func scheduler(_ zones: TimeZones = TimeZones(read: { _ in nil })) -> Scheduler {
        Scheduler(
            store: port,
            enqueuer: Enqueuer(store: PostgresTaskStore(store), hints: nil, logger: TestServers.quiet),
            zones: zones,
            logger: TestServers.quiet
        )
    }

    @discardableResult
    func add(
        _ rule: String = "* * * * *",
        named name: String = "nightly",
        zone: TimeZoneRules = .utc,
        tenant: TenantID = .default,
        fireTimeKey: String? = nil,
        payload: String = "{}",
        catchUp: CatchUpPolicy = .latest,
        limit: Int = 100,
        overlap: OverlapPolicy = .allow,
        isPaused: Bool = false
    ) async throws -> FireTimes {
        let rule = try FireRule(rule)
        let times = FireTimes(rule, in: zone)
        try await store.addSchedule(
            NewSchedule(
                tenant: tenant,
                name: ScheduleName(trusted: name),
                rule: rule,
                timeZone: zone.name,
                queue: .maintenance,
                kind: TaskKind(trusted: "noop"),
                payload: payload,
                fireTimeKey: fireTimeKey,
                catchUp: catchUp,
                catchUpLimit: limit,
                overlap: overlap
            ),
            times: times,
            isPaused: isPaused
        )
        return times
    }

    /// Makes the schedule due since then: nobody led meanwhile.
    func setDue(_ time: UnixTime, named name: String = "nightly") async throws {
        try await store.pool.execute(
            Statement(
                "UPDATE schedules SET next_fire_at = $1 WHERE name = $2",
                [.timestamp(time.seconds), .text(name)]
            )
        )
    }

    func record(_ name: String = "nightly", tenant: TenantID = .default) async throws -> ScheduleRecord {
        try await store.schedule(ScheduleName(trusted: name), tenant: tenant)
    }

    /// Oldest first.
    func history(_ name: String = "nightly", tenant: TenantID = .default) async throws -> [FireRecord] {
        try await store.fires(of: ScheduleName(trusted: name), tenant: tenant, limit: 10_000).reversed()
    }

    func times(_ how: FireRecord.How, _ name: String = "nightly") async throws -> [UnixTime] {
        try await history(name).filter { $0.how == how }.map { UnixTime(microseconds: $0.fireTime) }
    }

    func liveTasks() async throws -> [TaskRecord] {
        try await store.tasks(TaskFilter(states: [.available, .running, .scheduled, .retryable]), limit: 10_000)
            .sorted { $0.id < $1.id }
    }

    /// Runs every available task to its end.
    func completeAll() async throws {
        let tasks = PostgresTaskStore(store)
        let worker = WorkerID.random()
        try await tasks.register(
            WorkerRegistration(
                id: worker,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: [.maintenance],
                concurrency: 4,
                leaseLength: .seconds(30)
            )
        )
        while case let claimed = try await tasks.claimNext(queue: .maintenance, limit: 100, worker: worker),
            !claimed.isEmpty
        {
            _ = try await tasks.settle(claimed.map { Settlement($0.fence, .completed) }, worker: worker)
        }
    }

    /// A whole minute of the database's time, so many minutes ago.
    func minutes(ago count: Int64) async throws -> UnixTime {
        let now = try await store.time()
        return UnixTime(now.seconds / 60 * 60 - count * 60)
    }
}
