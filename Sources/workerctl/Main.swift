internal import ArgumentParser
internal import Glibc
internal import SluiceCore
internal import SluiceService
internal import SluiceSystem

@main
enum Main {
    static func main() async {
        Environment.ignoreBrokenPipes()
        do {
            var command = try Workerctl.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            if !failure.message.isEmpty { Terminal.say("workerctl: \(failure.message)") }
            exit(failure.status.rawValue)
        } catch let error as SettingsError {
            Terminal.say("workerctl: \(error)")
            exit(ExitStatus.usage.rawValue)
        } catch  where error.isTransientFailure {
            Terminal.say("workerctl: \(error)")
            exit(ExitStatus.unavailable.rawValue)
        } catch  where Workerctl.exitCode(for: error) != .failure || error is ValidationError {
            Workerctl.exit(withError: error)
        } catch {
            Terminal.say("workerctl: \(error)")
            exit(ExitStatus.failed.rawValue)
        }
    }
}

struct Workerctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workerctl",
        abstract: "Everything an operator of Sluice does.",
        discussion: """
            Servers come from SLUICE_DATABASE_URL and SLUICE_REDIS_URL, or from the embedded default in .sluice.
            Data goes to standard output, messages to standard error.

            Exit status: 0 done, 1 failed, 2 degraded and 3 critical (status --check), 4 not found, 64 wrong usage,
            10 NO-GO and 11 INCONCLUSIVE (eval), 69 a server cannot be reached, 75 done in part or time is up,
            130 interrupted.
            """,
        version: Version.text,
        subcommands: [
            IngestCommand.self, SearchCommand.self, StatusCommand.self, DocumentsCommand.self, TasksCommand.self,
            EvalCommand.self, GoldenCommand.self, GatesCommand.self,
            AttemptsCommand.self, WorkersCommand.self,
            DeadLettersCommand.self, BatchesCommand.self, QueuesCommand.self, TenantsCommand.self, KindsCommand.self,
            SchedulesCommand.self, IndexesCommand.self, RebuildRedisCommand.self, MigrateCommand.self,
            RotatePayloadsCommand.self,
            DoctorCommand.self, PruneCommand.self, AuditCommand.self,
            EraseCommand.self, ErasuresCommand.self, RetentionCommand.self, FreshnessCommand.self,
            BackupCommand.self,
            CompletionCommand.self,
        ]
    )
}
