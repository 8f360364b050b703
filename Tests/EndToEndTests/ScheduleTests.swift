import SluiceCore
import SluiceQueue
import SluiceServerKit
import SluiceTestKit
import Testing

@Suite(
    "Schedules with real processes",
    .enabled(if: TestServers.arePresent && Executable.arePresent),
    .timeLimit(.minutes(5))
)
struct ScheduleTests {
    @Test("workerctl schedules: everything an operator does, with the documented exit codes")
    func commands() async throws {
        try await TestFleet.run { fleet in
            func ctl(_ arguments: String..., status: Int32 = 0) async throws -> Finished {
                let finished = try await fleet.ctl(["schedules"] + arguments)
                #expect(finished.status == status, "\(arguments): \(finished.errors)")
                return finished
            }
            let dry = try await ctl("add", "nightly", "30 4 * * MON-FRI", "--kind", "noop", "--dry-run")
            #expect(dry.output.contains("would be added") && dry.output.contains("T04:30:00Z"))
            #expect(try await ctl("ls", "--json").output == "{\"schedules\":[],\"schema\":\"sluice.schedules/v1\"}\n")

            let added = try await ctl(
                "add",
                "nightly",
                "30 4 * * MON-FRI",
                "--kind",
                "noop",
                "--time-zone",
                "Europe/Berlin",
                "--fire-time-key",
                "day",
                "--overlap",
                "queue_one",
                "--catch-up",
                "all",
                "--json"
            )
            #expect(added.output.contains("\"schema\":\"sluice.schedule_added/v1\""))
            #expect(added.output.contains("\"dry_run\":false") && added.output.contains("T04:30:00+0"))
            _ = try await ctl("add", "nightly", "@daily", "--kind", "noop", status: 1)
            let bad = try await ctl("add", "bad", "61 * * * *", "--kind", "noop", status: 64)
            #expect(bad.errors.contains("'minute'") && bad.errors.contains("'61' is not 0 to 59"))
            let never = try await ctl("add", "bad", "0 0 30 2 *", "--kind", "noop", status: 64)
            #expect(never.errors.contains("never matches"))
            _ = try await ctl("add", "bad", "@daily", "--kind", "noop", "--time-zone", "Mars/Olympus", status: 64)
            _ = try await ctl("add", "bad", "@daily", "--kind", "unheard.of", status: 64)
            _ = try await ctl("add", "bad", "@daily", "--kind", "noop", "--queue", "nowhere", status: 1)
            _ = try await ctl("add", "bad", "@daily", "--kind", "noop", "--payload", "{1}", status: 64)

            let list = try await ctl("ls")
            #expect(list.output.contains("nightly") && list.output.contains("active"))
            let shown = try await ctl("show", "nightly")
            #expect(shown.output.contains("next fires") && shown.output.contains("fire time as 'day'"))
            _ = try await ctl("show", "missing", status: 4)
            _ = try await ctl("show", "nightly", "--tenant", "acme", status: 4)

            let task = try await ctl("trigger", "nightly", "--json")
            #expect(task.output.contains("\"schema\":\"sluice.schedule_triggered/v1\""))
            #expect(try await ctl("pause", "nightly", "--reason", "a deploy").output == "schedule nightly paused\n")
            #expect(try await ctl("pause", "nightly").output == "schedule nightly was paused already\n")
            #expect(try await ctl("ls").output.contains("paused: a deploy"))
            #expect(try await ctl("resume", "nightly", "--json").output.contains("\"changed\":true"))

            let span = ["--from", "2026-03-02", "--to", "2026-03-08T23:59"]
            let planned = try await ctl("backfill", "nightly", span[0], span[1], span[2], span[3], "--dry-run")
            #expect(planned.output.contains("2026-03-02T04:30:00+01:00  2026-03-02T03:30:00Z"))
            #expect(planned.output.hasSuffix("5 fires would be enqueued, 0 had happened\n"))
            let filled = try await ctl("backfill", "nightly", span[0], span[1], span[2], span[3])
            #expect(filled.output == "5 fires enqueued, 0 had happened\n")
            let again = try await ctl("backfill", "nightly", span[0], span[1], span[2], span[3], "--json")
            #expect(again.output.contains("\"known\":5") && again.output.contains("\"fires\":[]"))
            _ = try await ctl("backfill", "nightly", "--from", "tomorrow", status: 64)
            _ = try await ctl("backfill", "nightly", "--from", "2026-03-02", "--to", "2999-01-01", status: 64)

            let history = try await ctl("history", "nightly", "--json")
            #expect(history.output.contains("\"how\":\"trigger\"") && history.output.contains("\"how\":\"backfill\""))
            #expect(try await ctl("rm", "nightly").output == "schedule nightly removed\n")
            _ = try await ctl("rm", "nightly", status: 4)
        }
    }

    @Test("a schedule fires through coordinator and worker; killed leaders lose no fire and double none")
    func fires() async throws {
        try await TestFleet.run { fleet in
            let added = try await fleet.ctl(
                ["schedules", "add", "often", "@every 1s", "--kind", "noop", "--catch-up", "all"]
            )
            #expect(added.status == 0, "\(added.errors)")
            let leader = try fleet.start("coordinator")
            _ = try fleet.start("worker", ["--queues", "maintenance"])
            /// Oldest first.
            func fireTimes() async throws -> [UnixTime] {
                let history = try await fleet.ctl(["schedules", "history", "often", "--limit", "10000", "--json"])
                let texts = history.output.split(separator: "\"fire_time\":\"").dropFirst()
                return texts.compactMap { UnixTime(text: String($0.prefix { $0 != "\"" }), in: .utc) }.reversed()
            }
            try await eventually("some fires") { try await fireTimes().count >= 3 }
            leader.send(9)
            _ = try await leader.exit(within: .seconds(10))
            let before = try await fireTimes().count
            _ = try fleet.start("coordinator")
            try await eventually("fires again, those of the pause as well", within: .seconds(40)) {
                try await fireTimes().count >= before + 6
            }
            let times = try await fireTimes()
            #expect(times == (0..<Int64(times.count)).map { times[0] + $0 }, "none is lost, none is doubled")
            try await eventually("tasks complete") {
                let done = try await fleet.ctl(["tasks", "ls", "--state", "completed", "--kind", "noop", "--json"])
                return done.output.contains("\"state\":\"completed\"")
            }
        }
    }
}
