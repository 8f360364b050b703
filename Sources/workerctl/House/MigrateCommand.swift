internal import ArgumentParser
internal import SluiceStore

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the database's schema to the newest version.",
        discussion: "Each migration is one transaction; several at once wait for each other."
    )

    @Flag(name: .long, help: "Show what would be applied and change nothing.") var dryRun = false
    @Flag(name: .long, help: "Show all migrations and when they were applied.") var status = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let migrator = Migrator(try Session().store)
        do {
            if status || dryRun {
                let steps = try await migrator.status().filter { status || $0.appliedAt == nil }
                return try show(steps, verb: "pending")
            }
            try show(try await migrator.migrate(), verb: "applied")
        } catch let error as MigrationError {
            throw CommandFailure(.failed, error.description)
        }
    }

    private func show(_ steps: [Migrator.Step], verb: String) throws {
        if output.json {
            return try JSON.print(
                steps.map { Row(version: $0.version, name: $0.name, appliedAt: Timestamp.text($0.appliedAt)) }
            )
        }
        if steps.isEmpty { Terminal.say("the schema is up to date") }
        for step in steps {
            Terminal.write("\(step.version)  \(step.name)  \(Timestamp.text(step.appliedAt) ?? verb)\n")
        }
    }

    private struct Row: Encodable {
        let version: Int
        let name: String
        @Explicit var appliedAt: String?
    }
}
