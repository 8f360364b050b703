internal import ArgumentParser
internal import SluiceCore
internal import SluiceService

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the truth about the fleet, on one screen.",
        discussion: """
            Read from PostgreSQL, also when Redis or all workers are down; '?' is what cannot be known.
            --check exits with 2 when the fleet is degraded and 3 when it is down. 69: PostgreSQL cannot be reached.
            """
    )

    @Flag(name: .long, help: "Repaint every two seconds; one JSON object a line with --json.") var watch = false
    @Flag(name: .long, help: "Let the exit status tell the verdict.") var check = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let session = try Session()
        let redis = try session.settings.redisConfiguration()
        while true {
            let status = await FleetStatus.read(session.store, redis: redis)
            if output.json {
                try JSON.print(StatusReport(status))
            } else {
                if watch && Terminal.outputIsTerminal { Terminal.write("\u{1B}[H\u{1B}[2J") }
                Terminal.write(StatusView(status).render())
            }
            if !watch { return try end(status) }
            try await Task.sleep(for: .seconds(2))
        }
    }

    private func end(_ status: FleetStatus) throws {
        if status.snapshot == nil { throw CommandFailure(.unavailable, "PostgreSQL cannot be reached") }
        guard check else { return }
        switch status.verdict {
        case .ok: return
        case .degraded: throw CommandFailure(.degraded, "")
        case .down: throw CommandFailure(.critical, "")
        }
    }
}
