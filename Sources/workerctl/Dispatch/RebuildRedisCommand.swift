internal import ArgumentParser
internal import SluiceBroker
internal import SluiceCore
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore

struct RebuildRedisCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild-redis",
        abstract: "Drop all hints in Redis and make them anew from PostgreSQL.",
        discussion: """
            Safe at any time: hints decide nothing. What workers have fetched stays with them, and what rates have used up
            stays used up. A wiped Redis needs no rebuild: the relay fills it by itself.
            """
    )

    @Flag(name: .long, help: "Show what would be dropped and change nothing.") var dryRun = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let session = try Session()
        guard let hints = try session.settings.makeHints() else {
            throw CommandFailure(.usage, "SLUICE_REDIS_URL is not set: there is nothing to rebuild")
        }
        defer { hints.close() }
        let store = PostgresTaskStore(session.store)
        let queues = try await store.dispatchState().queues.map(\.name)
        if dryRun {
            let counts = try await hints.windowCounts(queues)
            return try report(
                Report(dryRun: true, dropped: counts.values.reduce(0, +), windows: Self.named(counts)),
                "would be dropped"
            )
        }
        let done = try await HintRebuild.run(store: store, hints: hints)
        try report(Report(dryRun: false, dropped: done.dropped, windows: Self.named(done.windows)), "dropped")
    }

    private struct Report: Encodable {
        let dryRun: Bool
        let dropped: Int
        /// Ids in each window now.
        let windows: [String: Int]
    }

    private static func named(_ counts: [QueueName: Int]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) })
    }

    private func report(_ report: Report, _ verb: String) throws {
        if output.json { return try JSON.print(report) }
        Terminal.say("\(Format.count(report.dropped)) hints \(verb)")
        var table = Table([.init("QUEUE"), .init("IN WINDOW", .right)])
        for (queue, count) in report.windows.sorted(by: { $0.key < $1.key }) {
            table.add([queue, Format.count(count)])
        }
        Terminal.write(table.render())
    }
}
