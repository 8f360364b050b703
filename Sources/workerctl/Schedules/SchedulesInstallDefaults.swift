internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore

extension SchedulesCommand {
    struct InstallDefaults: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "install-defaults",
            abstract: "Add the schedules of the fleet's own maintenance.",
            discussion: """
                Their names begin with 'sluice.', their tenant is 'default'. One that is there stays as it is, whatever was changed
                in it; to do without one, pause it. Backups are scheduled where SLUICE_BACKUP_DIR is set.
                """
        )

        @Flag(name: .long, help: "Show what would be added and change nothing.") var dryRun = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let backsUp = session.settings.upkeep.backupDirectory != nil
            let installed = try await session.store.installDefaultSchedules(
                DefaultSchedules.entries(backsUp: backsUp),
                zones: TimeZones(),
                isDryRun: dryRun
            )
            if output.json { return try JSON.print(Report(isDryRun: dryRun, schedules: installed.map(Row.init))) }
            var table = Table([.init("NAME"), .init("RULE"), .init("KIND"), .init("RESULT")])
            for schedule in installed {
                let result =
                    switch schedule.result {
                    case .added: dryRun ? "would be added" : "added"
                    case .kept: "is there"
                    case .unknownKind: "no such kind: run workerctl migrate"
                    }
                table.add([schedule.name.rawValue, schedule.rule, schedule.kind.rawValue, result])
            }
            Terminal.write(table.render())
            if !backsUp { Terminal.say("no backups are scheduled: SLUICE_BACKUP_DIR is not set") }
        }

        private struct Row: Encodable {
            let name: String
            let rule: String
            let kind: String
            let result: String

            init(_ schedule: InstalledSchedule) {
                name = schedule.name.rawValue
                rule = schedule.rule
                kind = schedule.kind.rawValue
                result = schedule.result.rawValue
            }
        }

        private struct Report: Encodable {
            let schema = "sluice.default_schedules/v1"
            let isDryRun: Bool
            let schedules: [Row]

            enum CodingKeys: String, CodingKey { case schema, isDryRun = "dryRun", schedules }
        }
    }
}
