internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

struct SchedulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedules",
        abstract: "Schedules: tasks enqueued by the clock.",
        subcommands: [
            List.self, Show.self, History.self, Add.self, Trigger.self, Pause.self, Resume.self, Backfill.self,
            Remove.self, InstallDefaults.self,
        ]
    )

    /// Which schedule.
    struct Target: ParsableArguments {
        @Argument(help: "The schedule's name.") var name: ScheduleName
        @OptionGroup var tenant: TenantOptions
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List schedules by tenant and name."
        )

        @Option(name: .long, help: "Only this tenant.") var tenant: TenantID?
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let schedules = try await Session().store.schedules(tenant: tenant, limit: page.limit)
            if output.json { return try JSON.print(Listing(schedules: schedules.map(ScheduleRow.init))) }
            var table = Table([
                .init("TENANT"), .init("NAME"), .init("RULE"), .init("TIME ZONE"), .init("KIND"), .init("NEXT FIRE"),
                .init("LAST FIRE"), .init("STATE"),
            ])
            for schedule in schedules {
                table.add([
                    schedule.tenant.rawValue, schedule.name.rawValue, schedule.rule, schedule.timeZone,
                    schedule.kind.rawValue,
                    schedule.pausedAt == nil ? Timestamp.text(schedule.nextFireAt) ?? "never" : "-",
                    Timestamp.text(schedule.lastFireAt) ?? "-", ScheduleRow.state(of: schedule),
                ])
            }
            Terminal.write(table.render())
        }

        private struct Listing: Encodable {
            let schema = "sluice.schedules/v1"
            let schedules: [ScheduleRow]
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one schedule and when it fires next."
        )

        @OptionGroup var target: Target
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let schedule = try await scheduleErrors {
                try await store.schedule(target.name, tenant: target.tenant.tenant)
            }
            // A zone that only this machine lacks is no reason to hide the rest.
            let next = (try? schedule.times(TimeZones())).map {
                NextFires($0, after: UnixTime(microseconds: schedule.asOf), count: 3)
            }
            if output.json {
                return try JSON.print(Detail(schedule: ScheduleRow(schedule), nextFires: next?.fires ?? []))
            }
            Terminal.write(ScheduleRow.text(of: schedule) + (next?.text ?? ""))
            if next == nil {
                Terminal.say("workerctl: the time zone '\(schedule.timeZone)' is unknown on this machine")
            }
        }

        private struct Detail: Encodable {
            let schema = "sluice.schedule/v1"
            let schedule: ScheduleRow
            let nextFires: [NextFires.Fire]
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "history",
            abstract: "Show what became of a schedule's fires, newest first.",
            discussion: "Fires are remembered for 90 days."
        )

        @OptionGroup var target: Target
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let fires = try await scheduleErrors {
                try await store.fires(of: target.name, tenant: target.tenant.tenant, limit: page.limit)
            }
            if output.json {
                return try JSON.print(
                    Listing(
                        tenant: target.tenant.tenant.rawValue,
                        schedule: target.name.rawValue,
                        fires: fires.map(FireRow.init)
                    )
                )
            }
            var table = Table([
                .init("FIRE TIME"), .init("HOW"), .init("TASK", .right), .init("DONE AT"), .init("REASON"),
            ])
            for fire in fires {
                table.add([
                    Timestamp.text(fire.fireTime), fire.how.rawValue, fire.task.map { "\($0)" } ?? "-",
                    Timestamp.text(fire.firedAt), fire.reason ?? "",
                ])
            }
            Terminal.write(table.render())
        }

        private struct Listing: Encodable {
            let schema = "sluice.schedule_fires/v1"
            let tenant: String
            let schedule: String
            let fires: [FireRow]
        }
    }
}

extension ScheduleName: ExpressibleByArgument {}
extension CatchUpPolicy: ExpressibleByArgument {}
extension OverlapPolicy: ExpressibleByArgument {}

/// Gives an operator's errors their exit codes.
func scheduleErrors<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let error as ScheduleError {
        switch error {
        case .notFound: throw CommandFailure(.notFound, error.description)
        case .exists, .unknownQueue: throw CommandFailure(.failed, error.description)
        case .tooManyFires: throw CommandFailure(.usage, error.description)
        }
    }
}
