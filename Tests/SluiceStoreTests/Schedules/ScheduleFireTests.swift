import SluiceCore
import SluicePostgres
import SluiceQueue
import SluiceServerKit
import SluiceStore
import SluiceTestKit
import Testing

@Suite("Fires of schedules on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct ScheduleFireTests {
    @Test("a fire, its task and the next fire are one: the task is what the schedule says, with the fire's time")
    func fires() async throws {
        try await ScheduleFixture.run { fixture in
            let times = try await fixture.add("*/5 * * * *", fireTimeKey: "for", payload: #"{"n": 7}"#)
            #expect(try await fixture.scheduler().round() != nil)
            #expect(try await fixture.liveTasks().isEmpty, "it is not due yet")
            let due = try #require(times.lastFires(1, from: UnixTime(0), to: try await fixture.store.time()).first)
            try await fixture.setDue(due)
            let scheduler = fixture.scheduler()
            #expect(try await scheduler.round() == .zero && scheduler.fired == 1)
            let pause = try #require(try await scheduler.round())
            #expect(pause > .zero && pause <= .seconds(300))
            let task = try #require(try await fixture.liveTasks().first)
            #expect(task.kind.rawValue == "noop" && task.queue == .maintenance && task.state == .available)
            #expect(task.payload == #"{"n": 7, "for": "\#(due)"}"#)
            let fire = try #require(try await fixture.history().first)
            #expect(fire.task == task.id && fire.how == .cron && fire.fireTime == due.seconds * 1_000_000)
            let record = try await fixture.record()
            #expect(record.nextFireAt == times.next(after: due).map { $0.seconds * 1_000_000 })
            #expect(record.lastFireAt == due.seconds * 1_000_000)
            _ = try await scheduler.round()
            #expect(scheduler.fired == 1, "once")
        }
    }

    @Test("an empty payload gets the fire's time too")
    func emptyPayload() async throws {
        try await ScheduleFixture.run { fixture in
            try await fixture.add(fireTimeKey: "at")
            let due = try await fixture.minutes(ago: 0)
            try await fixture.setDue(due)
            _ = try await fixture.scheduler().round()
            #expect(try await fixture.liveTasks().map(\.payload) == [#"{"at": "\#(due)"}"#])
        }
    }

    @Test("many schedulers at once: each fire happens once", arguments: [OverlapPolicy.allow, .skip])
    func concurrent(overlap: OverlapPolicy) async throws {
        try await ScheduleFixture.run { fixture in
            for number in 0..<10 {
                try await fixture.add(named: "s\(number)", catchUp: .all, overlap: overlap)
                try await fixture.setDue(try await fixture.minutes(ago: 30), named: "s\(number)")
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 { group.addTask { _ = try await fixture.scheduler().round() } }
                try await group.waitForAll()
            }
            let tasks = try await fixture.liveTasks()
            var cron = 0
            for number in 0..<10 {
                let history = try await fixture.history("s\(number)")
                #expect(Set(history.map(\.fireTime)).count == history.count, "no fire twice")
                #expect((31...33).contains(history.count))
                cron += history.count { $0.how == .cron }
            }
            #expect(cron == tasks.count)
            #expect(overlap == .allow ? cron >= 310 : cron == 10)
        }
    }

    @Test("a fire that was planned twice happens once, whatever became of the schedule meanwhile")
    func compareAndSet() async throws {
        try await ScheduleFixture.run { fixture in
            let times = try await fixture.add()
            let due = try await fixture.minutes(ago: 3)
            try await fixture.setDue(due)
            let seen = try #require(try await fixture.port.due(limit: 10).schedules.first)
            let plan = FirePlan(times, due: seen.due, now: try await fixture.store.time(), catchUp: .all, limit: 10)
            #expect(try await fixture.port.fire(seen.id, due: seen.due, plan: plan)?.tasks.count == plan.fires.count)
            #expect(try await fixture.port.fire(seen.id, due: seen.due, plan: plan) == nil)
            try await fixture.setDue(due)
            let again = try await fixture.port.fire(seen.id, due: seen.due, plan: plan)
            #expect(again?.tasks.isEmpty == true, "the clock went back, the fires are known")
            try await fixture.setDue(due)
            _ = try await fixture.store.pauseSchedule(fixture.name, tenant: .default, reason: nil)
            #expect(try await fixture.port.fire(seen.id, due: seen.due, plan: plan) == nil)
            #expect(try await fixture.liveTasks().count == plan.fires.count)
        }
    }

    @Test("missed fires: none, the last, or all up to the limit; what is left out stands in the history")
    func catchUp() async throws {
        try await ScheduleFixture.run { fixture in
            let since = try await fixture.minutes(ago: 200)
            for policy in CatchUpPolicy.allCases {
                try await fixture.add("0 * * * *", named: policy.rawValue, catchUp: policy, limit: 2)
                try await fixture.setDue(since, named: policy.rawValue)
            }
            // Of the time of this reading; the hour may turn during the test.
            let times = FireTimes(try FireRule("0 * * * *"), in: .utc)
            let before = try await fixture.store.time()
            _ = try await fixture.scheduler().round()
            guard times.lastFires(1, from: before - 61, to: try await fixture.store.time()).isEmpty else { return }
            let all = times.fires(from: since, to: before, limit: 100)
            #expect(all.count >= 3)
            #expect(try await fixture.times(.cron, "skip").isEmpty)
            #expect(try await fixture.times(.cron, "latest") == all.suffix(1))
            #expect(try await fixture.times(.cron, "all") == all.suffix(2))
            for policy in CatchUpPolicy.allCases {
                let skipped = try await fixture.history(policy.rawValue).filter { $0.how == .skipped }
                let leftOut = policy == .skip ? all.count : policy == .latest ? all.count - 1 : all.count - 2
                #expect(skipped.count == 1 && skipped.first?.task == nil)
                #expect(skipped.first.map { UnixTime(microseconds: $0.fireTime) } == all.first)
                #expect(skipped.first?.reason?.contains(leftOut == 1 ? "a fire" : "\(leftOut) fires") == true)
            }
        }
    }

    @Test("overlap: allowed, skipped, or one waits until the task before it has settled")
    func overlap() async throws {
        try await ScheduleFixture.run { fixture in
            let start = try await fixture.minutes(ago: 0)
            for policy in OverlapPolicy.allCases {
                try await fixture.add("@every 1s", named: policy.rawValue, overlap: policy)
                try await fixture.setDue(start - 3, named: policy.rawValue)
            }
            let scheduler = fixture.scheduler()
            _ = try await scheduler.round()
            for policy in OverlapPolicy.allCases {
                _ = try await fixture.store.pauseSchedule(
                    ScheduleName(trusted: policy.rawValue),
                    tenant: .default,
                    reason: "held still"
                )
            }
            #expect(try await fixture.times(.skipped, "allow").isEmpty)
            #expect(try await fixture.times(.cron, "allow").count >= 4)
            #expect(try await fixture.times(.cron, "skip") == [start - 3])
            #expect(try await fixture.times(.skipped, "skip").prefix(3) == [start - 2, start - 1, start])
            #expect(try await fixture.times(.cron, "queue_one") == [start - 3, start - 2])
            #expect(try await fixture.times(.skipped, "queue_one").prefix(2) == [start - 1, start])
            #expect(try await fixture.record("queue_one").waitingFireAt == (start - 2).seconds * 1_000_000)

            try await fixture.completeAll()
            _ = try await scheduler.round()
            #expect(try await fixture.liveTasks().isEmpty, "a paused schedule's waiting fire waits on")
            let zone = FireTimes(try FireRule("@every 1d"), in: .utc)
            #expect(
                try await fixture.store.resumeSchedule(
                    ScheduleName(trusted: "queue_one"),
                    tenant: .default,
                    times: zone
                )
            )
            _ = try await scheduler.round()
            let released = try await fixture.liveTasks()
            #expect(released.count == 1)
            let waited = try await fixture.history("queue_one").filter { $0.task == released.first?.id }
            #expect(waited.map { UnixTime(microseconds: $0.fireTime) } == [start - 2] && waited[0].reason == nil)
            #expect(try await fixture.record("queue_one").waitingFireAt == nil)
            _ = try await scheduler.round()
            #expect(try await fixture.liveTasks().count == 1, "once")
        }
    }

    @Test("a live task of any fire holds fires back, with skip, until it has settled")
    func skipEnds() async throws {
        try await ScheduleFixture.run { fixture in
            try await fixture.add("@every 1s", overlap: .skip)
            let scheduler = fixture.scheduler()
            _ = try await fixture.store.pauseSchedule(fixture.name, tenant: .default, reason: nil)
            let triggered = try await fixture.store.triggerSchedule(fixture.name, tenant: .default)
            let daily = FireTimes(try FireRule("@every 366d"), in: .utc)
            _ = try await fixture.store.resumeSchedule(fixture.name, tenant: .default, times: daily)
            try await fixture.setDue(try await fixture.store.time())
            _ = try await scheduler.round()
            #expect(try await fixture.liveTasks().map(\.id) == [triggered.id])
            #expect(try await fixture.times(.skipped).count >= 1)
            try await fixture.completeAll()
            try await fixture.setDue(try await fixture.store.time())
            _ = try await scheduler.round()
            #expect(try await fixture.liveTasks().count == 1)
            #expect(try await fixture.times(.cron).count == 1)
        }
    }

    @Test("through a change of the clock: 02:30 in Berlin on 29 March fires once, at 03:00")
    func daylight() async throws {
        try await ScheduleFixture.run { fixture in
            let zone = TimeZoneRules(
                name: "Europe/Berlin",
                initialOffset: 3_600,
                changes: [],
                footer: PosixTimeZone("CET-1CEST,M3.5.0,M10.5.0/3")
            )
            let times = try await fixture.add("30 2 * * *", zone: zone, catchUp: .all, limit: 1_000)
            let from = try #require(UnixTime(text: "2026-03-27", in: zone))
            let to = try #require(UnixTime(text: "2026-03-31", in: zone))
            try await fixture.setDue(try #require(times.next(after: from)))
            let due = try #require(try await fixture.port.due(limit: 1).schedules.first)
            let plan = FirePlan(times, due: due.due, now: to, catchUp: .all, limit: 100)
            _ = try await fixture.port.fire(due.id, due: due.due, plan: plan)
            #expect(
                try await fixture.times(.cron).map { $0.text(in: zone) } == [
                    "2026-03-27T02:30:00+01:00", "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00",
                    "2026-03-30T02:30:00+02:00",
                ]
            )
            let next = try await fixture.record().nextFireAt.map { UnixTime(microseconds: $0).text(in: zone) }
            #expect(next == "2026-03-31T02:30:00+02:00")
        }
    }
}
