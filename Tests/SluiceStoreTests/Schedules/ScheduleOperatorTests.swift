import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceSystem
import SluiceTestKit
import Testing

@Suite("Schedules as operators handle them", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct ScheduleOperatorTests {
    @Test("what was added stands there, due for the first time after now")
    func add() async throws {
        try await ScheduleFixture.run { fixture in
            let times = try await fixture.add(
                "30 4 * * MON",
                fireTimeKey: "at",
                payload: #"{"a":[1]}"#,
                catchUp: .all,
                limit: 7,
                overlap: .queueOne
            )
            let record = try await fixture.record()
            #expect(record.rule == "30 4 * * MON" && record.timeZone == "UTC" && record.payload == #"{"a": [1]}"#)
            #expect(record.catchUp == .all && record.catchUpLimit == 7 && record.overlap == .queueOne)
            let added = UnixTime(microseconds: record.createdAt)
            #expect(record.nextFireAt == times.next(after: added).map { $0.seconds * 1_000_000 })
            #expect(record.pausedAt == nil && record.lastFireAt == nil && record.fireTimeKey == "at")
            #expect(try record.times(TimeZones(read: { _ in nil })) == times)
            #expect(try await fixture.store.schedules(tenant: nil, limit: 10).map(\.name) == [fixture.name])
        }
    }

    @Test("a second of one name, an unknown queue and an unknown schedule are refused in words")
    func refused() async throws {
        try await ScheduleFixture.run { fixture in
            try await fixture.add()
            await #expect(throws: ScheduleError.exists(fixture.name, .default)) { try await fixture.add() }
            let missing = ScheduleName(trusted: "missing")
            await #expect(throws: ScheduleError.notFound(missing, .default)) {
                try await fixture.store.triggerSchedule(missing, tenant: .default)
            }
            await #expect(throws: ScheduleError.notFound(missing, .default)) {
                try await fixture.store.removeSchedule(missing, tenant: .default)
            }
            let rule = try FireRule("@daily")
            let nowhere = NewSchedule(
                tenant: .default,
                name: missing,
                rule: rule,
                queue: QueueName(trusted: "nowhere"),
                kind: TaskKind(trusted: "noop")
            )
            await #expect(throws: ScheduleError.unknownQueue(QueueName(trusted: "nowhere"))) {
                try await fixture.store.addSchedule(nowhere, times: FireTimes(rule, in: .utc))
            }
        }
    }

    @Test("a paused schedule does not fire; resumed, it fires from then on and makes up for nothing")
    func pause() async throws {
        try await ScheduleFixture.run { fixture in
            let times = try await fixture.add(catchUp: .all)
            try await fixture.setDue(try await fixture.minutes(ago: 5))
            #expect(try await fixture.store.pauseSchedule(fixture.name, tenant: .default, reason: "a deploy"))
            #expect(try await fixture.store.pauseSchedule(fixture.name, tenant: .default, reason: "again") == false)
            #expect(try await fixture.record().pauseReason == "a deploy")
            let scheduler = fixture.scheduler()
            _ = try await scheduler.round()
            #expect(try await fixture.liveTasks().isEmpty)
            #expect(try await fixture.store.resumeSchedule(fixture.name, tenant: .default, times: times))
            #expect(try await fixture.store.resumeSchedule(fixture.name, tenant: .default, times: times) == false)
            let record = try await fixture.record()
            #expect(record.pausedAt == nil && record.pauseReason == nil)
            #expect(try #require(record.nextFireAt) > record.asOf - 2_000_000)
        }
    }

    @Test("one that is added paused waits to be resumed")
    func addPaused() async throws {
        try await ScheduleFixture.run { fixture in
            try await fixture.add(isPaused: true)
            try await fixture.setDue(try await fixture.minutes(ago: 1))
            _ = try await fixture.scheduler().round()
            #expect(try await fixture.liveTasks().isEmpty)
            #expect(try await fixture.record().pausedAt != nil)
        }
    }

    @Test("a trigger runs at once, also while paused and beside what runs")
    func trigger() async throws {
        try await ScheduleFixture.run { fixture in
            try await fixture.add("@yearly", overlap: .skip, isPaused: true)
            let tasks = [
                try await fixture.store.triggerSchedule(fixture.name, tenant: .default),
                try await fixture.store.triggerSchedule(fixture.name, tenant: .default),
            ]
            #expect(tasks.allSatisfy { $0.isAvailable })
            #expect(try await fixture.liveTasks().map(\.id) == tasks.map(\.id))
            #expect(try await fixture.history().map(\.how) == [.trigger, .trigger])
        }
    }

    @Test("a backfill is repeated at no cost, leaves out what has fired, and makes up for what was skipped")
    func backfill() async throws {
        try await ScheduleFixture.run { fixture in
            let times = try await fixture.add("0 * * * *", fireTimeKey: "hour", catchUp: .skip)
            let to = try await fixture.minutes(ago: 120)
            let fires = times.fires(from: to - 10 * 3_600, to: to, limit: 100)
            try await fixture.setDue(fires[0])
            _ = try await fixture.scheduler().round()
            #expect(try await fixture.times(.skipped) == [fires[0]], "all of them were missed")
            func backfill(_ fires: some Sequence<UnixTime>, changes: Bool = true) async throws -> BackfillReport {
                try await fixture.store.backfillSchedule(
                    fixture.name,
                    tenant: .default,
                    fires: Array(fires),
                    changes: changes
                )
            }
            let dry = try await backfill(fires, changes: false)
            #expect(dry.fires == fires && dry.tasks.isEmpty && dry.known == 0)
            #expect(try await fixture.times(.backfill).isEmpty)
            let before = try await fixture.liveTasks().count
            let first = try await backfill(fires.prefix(4))
            #expect(first.fires == Array(fires.prefix(4)) && first.tasks.count == 4)
            let whole = try await backfill(fires)
            #expect(whole.fires == Array(fires.dropFirst(4)) && whole.known == 4)
            let again = try await backfill(fires)
            #expect(again.fires.isEmpty && again.known == fires.count && again.tasks.isEmpty)
            #expect(try await fixture.times(.backfill) == fires)
            let tasks = try await fixture.liveTasks().dropFirst(before)
            #expect(tasks.map(\.payload) == fires.map { #"{"hour": "\#($0)"}"# })

            try await fixture.setDue(fires[0])
            let due = try #require(try await fixture.port.due(limit: 1).schedules.first)
            let plan = FirePlan(times, due: due.due, now: to, catchUp: .all, limit: 100)
            let report = try await fixture.port.fire(due.id, due: due.due, plan: plan)
            #expect(plan.fires == fires && report?.tasks.isEmpty == true, "the scheduler knows of backfilled fires")
            await #expect(throws: ScheduleError.tooManyFires) {
                _ = try await backfill((0...Int64(Store.largestBackfill)).map { UnixTime($0) })
            }
        }
    }

    @Test("tenants do not meet: names, rows, triggers")
    func isolation() async throws {
        try await ScheduleFixture.run { fixture in
            let acme = TenantID(trusted: "acme")
            try await fixture.add("@every 1s")
            try await fixture.add("@every 1s", tenant: acme)
            try await fixture.add("@yearly", named: "only-acme", tenant: acme)
            await #expect(throws: ScheduleError.self) { try await fixture.record("only-acme") }
            #expect(try await fixture.store.schedules(tenant: acme, limit: 10).count == 2)
            let task = try await fixture.store.triggerSchedule(fixture.name, tenant: acme)
            #expect(try await fixture.store.task(task.id)?.tenant == acme)
            try await fixture.setDue(try await fixture.store.time())
            _ = try await fixture.scheduler().round()
            let tenants = try await fixture.liveTasks().map(\.tenant)
            #expect(tenants.contains(.default) && tenants.contains(acme))
            for table in ["schedules", "schedule_fires"] {
                let rows = Statement("SELECT DISTINCT tenant_id FROM \(table)") { row throws(PostgresError) in
                    try row.text(0)
                }
                #expect(try await fixture.store.inTenant(acme) { try await $0.query(rows) } == ["acme"])
            }
            try await fixture.store.removeSchedule(fixture.name, tenant: acme)
            #expect(try await fixture.record().tenant == .default)
        }
    }

    @Test("a removed schedule takes its history along, and leaves its tasks")
    func remove() async throws {
        try await ScheduleFixture.run { fixture in
            try await fixture.add("@yearly")
            _ = try await fixture.store.triggerSchedule(fixture.name, tenant: .default)
            try await fixture.store.removeSchedule(fixture.name, tenant: .default)
            await #expect(throws: ScheduleError.self) { try await fixture.history() }
            #expect(try await fixture.liveTasks().count == 1)
            try await fixture.add("@yearly")
            #expect(try await fixture.history().isEmpty)
        }
    }

    @Test("old fires are forgotten, new ones kept")
    func forget() async throws {
        try await ScheduleFixture.run { fixture in
            try await fixture.add("@yearly")
            for _ in 0..<3 { _ = try await fixture.store.triggerSchedule(fixture.name, tenant: .default) }
            #expect(try await fixture.port.forgetFires(olderThan: .seconds(3_600)) == 0)
            try await fixture.store.pool.execute(
                Statement("UPDATE schedule_fires SET fired_at = now() - interval '2 hours' WHERE id % 2 = 1")
            )
            #expect(try await fixture.port.forgetFires(olderThan: .seconds(3_600)) == 2)
            #expect(try await fixture.history().count == 1)
        }
    }

    @Test("a schedule whose zone is unknown here says so, and holds up no other; it fires when the zone is there")
    func setAside() async throws {
        try await ScheduleFixture.run { fixture in
            let zone = TimeZoneRules(name: "Mars/Olympus", initialOffset: 60, changes: [], footer: nil)
            try await fixture.add(named: "broken", zone: zone)
            try await fixture.add(named: "sound")
            for name in ["broken", "sound"] { try await fixture.setDue(try await fixture.minutes(ago: 0), named: name) }
            let scheduler = fixture.scheduler()
            _ = try await scheduler.round()
            #expect(try await fixture.times(.cron, "sound").count == 1)
            #expect(try await fixture.record("broken").problem?.contains("Mars/Olympus") == true)
            #expect(try await fixture.port.due(limit: 10).schedules.isEmpty, "left alone for a while")
            try await fixture.store.pool.execute(Statement("UPDATE schedules SET problem_until = now()"))
            #expect(try await fixture.port.due(limit: 10).schedules.map(\.name.rawValue) == ["broken"])
            try await fixture.store.pool.execute(Statement("UPDATE schedules SET time_zone = 'UTC'"))
            _ = try await scheduler.round()
            #expect(try await fixture.times(.cron, "broken").count == 1)
            #expect(try await fixture.record("broken").problem == nil)
        }
    }

    @Test("a coordinator fires schedules while it leads, again and again, each second once")
    func coordinator() async throws {
        try await ScheduleFixture.run { fixture in
            try await fixture.add("@every 1s", catchUp: .all)
            let coordinators = (0..<2).map { _ in
                Coordinator(
                    configuration: CoordinatorConfiguration(host: "test", pid: 1, version: "0"),
                    store: PostgresTaskStore(fixture.store),
                    hints: nil,
                    schedules: fixture.port,
                    logger: TestServers.quiet
                )
            }
            let shutdown = Shutdown()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for coordinator in coordinators { group.addTask { await coordinator.run(shutdown: shutdown) } }
                defer { shutdown.advance(to: .draining) }
                try await eventually("four fires") { try await fixture.times(.cron).count >= 4 }
                let leader = try #require(coordinators.first { $0.isLeader })
                #expect(leader.health.contains { $0.name == "scheduler" && $0.rounds > 0 && $0.lastError == nil })
            }
            let fires = try await fixture.times(.cron)
            #expect(fires == (0..<Int64(fires.count)).map { fires[0] + $0 }, "none is left out, none is doubled")
            #expect(try await fixture.liveTasks().count == fires.count)
        }
    }
}
