internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

extension SchedulesCommand {
    struct Backfill: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "backfill",
            abstract: "Enqueue the tasks of past fires that did not happen.",
            discussion: """
                For example: workerctl schedules backfill nightly --from 2026-03-01 --to 2026-03-31T23:59 --dry-run

                Times are RFC 3339, or without an offset local times of the schedule's zone; both ends count. A fire that
                happened is left out, so that repeating a backfill does nothing (for the 90 days that the history remembers).
                Pause and overlap policy do not matter. At most 10000 fires at once.
                """
        )

        @OptionGroup var target: Target
        @Option(name: .long, help: "The earliest fire, such as 2026-03-01 or 2026-03-01T04:00:00Z.") var from: String
        @Option(name: .long, help: "The latest fire; by default now.") var to: String?
        @Flag(name: .long, help: "Show what would be enqueued and change nothing.") var dryRun = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let tenant = target.tenant.tenant
            let schedule = try await scheduleErrors { try await session.store.schedule(target.name, tenant: tenant) }
            let times = try schedule.times(TimeZones())
            let now = UnixTime(microseconds: schedule.asOf)
            let start = try moment(from, "--from", times.zone)
            let end = try to.map { try moment($0, "--to", times.zone) } ?? now
            guard start <= end else { throw CommandFailure(.usage, "--from \(start) comes after --to \(end)") }
            guard end <= now else {
                throw CommandFailure(.usage, "--to \(end) has not come yet; what is ahead fires by itself")
            }
            let fires = times.fires(from: start, to: end, limit: Store.largestBackfill + 1)
            let report = try await scheduleErrors {
                try await session.store.backfillSchedule(target.name, tenant: tenant, fires: fires, changes: !dryRun)
            }
            await session.announce(report.tasks)
            try show(report, start, end, times.zone)
        }

        private func moment(_ text: String, _ option: String, _ zone: TimeZoneRules) throws -> UnixTime {
            guard let moment = UnixTime(text: text, in: zone) else {
                throw CommandFailure(
                    .usage,
                    "\(option) '\(text)' is no time; write 2026-03-01, 2026-03-01T04:00 or 2026-03-01T04:00:00Z"
                )
            }
            return moment
        }

        private func show(_ report: BackfillReport, _ start: UnixTime, _ end: UnixTime, _ zone: TimeZoneRules) throws {
            if output.json {
                return try JSON.print(
                    Backfilled(
                        schedule: target.name.rawValue,
                        dryRun: dryRun,
                        from: "\(start)",
                        to: "\(end)",
                        known: report.known,
                        fires: report.fires.enumerated().map { index, fire in
                            Fire(
                                fireTime: "\(fire)",
                                task: Explicit(wrappedValue: dryRun ? nil : "\(report.tasks[index].id)")
                            )
                        }
                    )
                )
            }
            if dryRun {
                for fire in report.fires { Terminal.write("\(fire.text(in: zone))  \(fire)\n") }
            }
            Terminal.write(
                "\(Format.count(report.fires.count)) fires \(dryRun ? "would be " : "")enqueued, "
                    + "\(Format.count(report.known)) had happened\n"
            )
        }

        private struct Fire: Encodable {
            let fireTime: String
            @Explicit var task: String?

            init(fireTime: String, task: Explicit<String>) {
                self.fireTime = fireTime
                _task = task
            }
        }

        private struct Backfilled: Encodable {
            let schema = "sluice.schedule_backfill/v1"
            let schedule: String
            let dryRun: Bool
            let from: String
            let to: String
            let known: Int
            let fires: [Fire]
        }
    }
}
