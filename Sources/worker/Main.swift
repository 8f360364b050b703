internal import ArgumentParser
internal import SluiceCore
internal import SluiceService
internal import SluiceSystem

@main
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Claims and performs tasks of the queues it is given.",
        discussion: """
            For example: worker --queues ingestion,embedding --concurrency 2
                         worker --queues ingestion:4,maintenance:1

            SIGTERM drains: no new tasks, running ones may end for SLUICE_DRAIN_TIMEOUT_SECONDS, the rest is released
            without costing an attempt. A second SIGTERM skips the wait. SIGTSTP or SIGUSR1: claim nothing more, what runs
            goes on; SIGUSR2: claim again; SIGTTIN: log what is in flight.

            Exit status 0 done, 1 failed, 64 wrong usage.
            """,
        version: Version.text
    )

    @Option(name: .long, help: "Queues, separated by commas; NAME:N gives one its own concurrency.")
    var queues: String

    @Option(name: .long, help: "Attempts at once in each queue, 1 to 10000.")
    var concurrency = 2

    func validate() throws { _ = try parsedQueues() }

    func run() async throws {
        Environment.ignoreBrokenPipes()
        let shutdown = Shutdown.onSignals()
        do {
            let settings = try Settings.fromEnvironment()
            try await WorkerService.run(
                concurrency: try parsedQueues(),
                settings: settings,
                shutdown: shutdown,
                logger: .line("worker", level: settings.logLevel)
            )
        } catch {
            StandardStream.error.write("worker: \(error)\n")
            throw ExitCode(error is SettingsError ? 64 : 1)
        }
    }

    private func parsedQueues() throws -> [QueueName: Int] {
        var result: [QueueName: Int] = [:]
        for part in queues.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = QueueName(rawValue: String(pieces[0])) else {
                throw ValidationError("'\(pieces[0])' is no queue: \(NameRule.sentence)")
            }
            guard let count = pieces.count == 2 ? Int(pieces[1]) : concurrency, (1...10_000).contains(count) else {
                throw ValidationError("the concurrency of queue '\(name)' must be 1 to 10000")
            }
            guard result.updateValue(count, forKey: name) == nil else {
                throw ValidationError("queue '\(name)' is named twice")
            }
        }
        return result
    }
}
