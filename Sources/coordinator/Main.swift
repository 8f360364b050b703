internal import ArgumentParser
internal import SluiceCore
internal import SluiceService
internal import SluiceSystem

@main
struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Runs the fleet's leader duties: relay, promoter, rescuer, scheduler, pruner …",
        discussion: """
            Run as many as you like: one leads, the others stand by. Servers come from SLUICE_DATABASE_URL and
            SLUICE_REDIS_URL. SIGTERM resigns and ends; exit status 0 done, 1 failed, 64 wrong settings.
            """,
        version: Version.text
    )

    func run() async throws {
        Environment.ignoreBrokenPipes()
        let shutdown = Shutdown.onSignals()
        do {
            let settings = try Settings.fromEnvironment()
            try await CoordinatorService.run(
                settings: settings,
                shutdown: shutdown,
                logger: .line("coordinator", level: settings.logLevel)
            )
        } catch {
            StandardStream.error.write("coordinator: \(error)\n")
            throw ExitCode(error is SettingsError ? 64 : 1)
        }
    }
}
