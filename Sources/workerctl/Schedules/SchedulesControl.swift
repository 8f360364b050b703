internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

extension SchedulesCommand {
    struct Trigger: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "trigger",
            abstract: "Enqueue a schedule's task now.",
            discussion: "Whatever its rule, its pause and its overlap policy say."
        )

        @OptionGroup var target: Target
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let task = try await scheduleErrors {
                try await session.store.triggerSchedule(target.name, tenant: target.tenant.tenant)
            }
            await session.announce([task])
            if output.json { return try JSON.print(Triggered(schedule: target.name.rawValue, task: "\(task.id)")) }
            Terminal.write("schedule \(target.name) triggered: task \(task.id)\n")
            Terminal.say("follow it with: workerctl tasks show \(task.id)")
        }

        private struct Triggered: Encodable {
            let schema = "sluice.schedule_triggered/v1"
            let schedule: String
            let task: String
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause",
            abstract: "Keep a schedule from firing.",
            discussion: "Tasks that it enqueued run on. Fires that fall into the pause are not caught up."
        )

        @OptionGroup var target: Target
        @Option(name: .long, help: "Why, for those who come after you.") var reason: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let isChanged = try await scheduleErrors {
                try await store.pauseSchedule(target.name, tenant: target.tenant.tenant, reason: reason)
            }
            try ScheduleChange(target.name, isChanged).report(
                isChanged ? "paused" : "was paused already",
                output
            )
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume",
            abstract: "Let a paused schedule fire again, from now on.",
            discussion: "What fell into the pause is not caught up: `schedules backfill` does that."
        )

        @OptionGroup var target: Target
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let tenant = target.tenant.tenant
            let isChanged = try await scheduleErrors {
                let times = try await store.schedule(target.name, tenant: tenant).times(TimeZones())
                return try await store.resumeSchedule(target.name, tenant: tenant, times: times)
            }
            try ScheduleChange(target.name, isChanged).report(isChanged ? "resumed" : "was not paused", output)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rm",
            abstract: "Remove a schedule and its history.",
            discussion: "Tasks that it enqueued run on."
        )

        @OptionGroup var target: Target
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            try await scheduleErrors {
                try await store.removeSchedule(target.name, tenant: target.tenant.tenant)
            }
            try ScheduleChange(target.name, true).report("removed", output)
        }
    }
}

/// Whether a command changed anything.
private struct ScheduleChange: Encodable {
    let schema = "sluice.schedule_changed/v1"
    let schedule: String
    let changed: Bool

    init(_ name: ScheduleName, _ isChanged: Bool) {
        schedule = name.rawValue
        changed = isChanged
    }

    func report(_ verb: String, _ output: OutputOptions) throws {
        if output.json { return try JSON.print(self) }
        Terminal.write("schedule \(schedule) \(verb)\n")
    }
}
