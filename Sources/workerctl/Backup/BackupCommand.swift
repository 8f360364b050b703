internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceService
internal import SluiceStore

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Back the database up, and try whether a backup can be restored.",
        discussion: """
            For example: workerctl backup create /srv/backups
                         createdb drill && workerctl backup restore /srv/backups/sluice-… --into drill --verify

            A backup is a folder with a dump (pg_dump's custom format) and a manifest. Passwords go to the programs by the
            environment, never as arguments.
            """,
        subcommands: [Create.self, Restore.self]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "create", abstract: "Write a backup now.")

        @Argument(help: "The folder that gets the backup's own folder.") var directory: String
        @Option(name: .long, help: "Backups in that folder that stay, the newest.") var keep: Int?
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let keep, keep < 1 { throw ValidationError("--keep must be at least 1") }
        }

        func run() async throws {
            let session = try Session()
            let backups = PostgresBackups(
                session.store,
                configuration: session.settings.postgres("sluice-backup"),
                directory: directory,
                kept: keep ?? .max,
                programs: session.settings.upkeep.postgresPrograms
            )
            let report = try await backups.create()
            if output.json { return try JSON.print(Row(report)) }
            Terminal.write("\(report.path)\n")
            Terminal.say(
                "\(Format.count(report.rows)) rows of \(report.tables) tables, \(Format.bytes(Int(report.bytes))), "
                    + Format.seconds(report.seconds)
            )
        }

        private struct Row: Encodable {
            let schema = "sluice.backup_created/v1"
            let path: String
            let bytes: Int64
            let tables: Int
            let rows: Int64
            let seconds: Double

            init(_ report: BackupReport) {
                path = report.path
                bytes = report.bytes
                tables = report.tables
                rows = report.rows
                seconds = report.seconds
            }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "restore",
            abstract: "Restore a backup into another, empty database of the same server.",
            discussion: """
                With --verify it ends in a drill: row counts, the pointer of every index, anti-joins, valid HNSW indexes and
                sampled exact searches must be as they were when the backup was made. Exit status: 1 when one is not.
                """
        )

        @Argument(help: "The backup's folder.") var backup: String
        @Option(name: .long, help: "A database that is there and has no such schema.") var into: String
        @Flag(name: .long, help: "Compare what was restored with what was backed up.") var verify = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let restore = BackupRestore(
                session.store,
                configuration: session.settings.postgres("sluice-restore"),
                programs: session.settings.upkeep.postgresPrograms
            )
            let checks = try await restore.restore(backup, into: into, verifies: verify)
            if output.json {
                try JSON.print(checks.map { Row(check: $0.name, passed: $0.isPassed, detail: $0.detail) })
            } else {
                for check in checks {
                    let mark = check.isPassed ? Colour.green("ok  ") : Colour.red("FAIL")
                    Terminal.write("\(mark)  \(check.name): \(Table.printable(check.detail))\n")
                }
            }
            let failed = checks.count { !$0.isPassed }
            if failed > 0 { throw CommandFailure(.failed, "\(failed) checks failed: do not rely on this backup") }
        }

        private struct Row: Encodable {
            let check: String
            let passed: Bool
            let detail: String
        }
    }
}
