internal import ArgumentParser
internal import SluiceCore
internal import SluiceDocuments
internal import SluiceQueue
internal import SluiceService
internal import SluiceStore
internal import SluiceSystem

struct RetentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention",
        abstract: "Enqueue the sweep of what nobody needs any more.",
        discussion: """
            The sweep (retention.sweep) removes what the coordinator's pruner does not: vectors of models that no index version
            uses, old events of indexes, old readings of freshness. --dry-run shows what both would remove.
            """
    )

    @Flag(name: .long, help: "Show what would go and change nothing.") var dryRun = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let session = try Session()
        if !dryRun { return try await enqueueUpkeep(SweepRetentionInput(), session, output) }
        let pruned = try await session.store.countPrunable(session.settings.retention).map {
            (who: "pruner", name: $0.name, count: $0.count)
        }
        let swept = try await PostgresRetentionStore(session.store).count(session.settings.upkeep.sweep).map {
            (who: "sweep", name: $0.name, count: $0.count)
        }
        if output.json {
            return try JSON.print((pruned + swept).map { Row(by: $0.who, what: $0.name, count: $0.count) })
        }
        var table = Table([.init("BY"), .init("WHAT"), .init("WOULD GO", .right)])
        for row in pruned + swept { table.add([row.who, row.name, Format.count(row.count)]) }
        Terminal.write(table.render())
    }

    private struct Row: Encodable {
        let by: String
        let what: String
        let count: Int
    }
}

/// Enqueues a maintenance task once: while one that was told the same is live, that one is meant.
func enqueueUpkeep<Input: TaskInput>(_ input: Input, _ session: Session, _ output: OutputOptions) async throws {
    var task = try NewTask(input, tenant: .default)
    // One that was told something else does not do what is wanted now.
    task.uniqueKey = "by-hand/" + SHA256Digest(ofText: task.payload).bytes.prefix(8).hexadecimal
    let enqueued = try await PostgresTaskStore(session.store).enqueue([task])
    await session.announce(enqueued)
    guard let first = enqueued.first else { return }
    if output.json { return try JSON.print(["task": "\(first.id)"]) }
    Terminal.write("task \(first.id)\(first.wasDuplicate ? " was there already" : " enqueued")\n")
    Terminal.say("follow it with: workerctl tasks show \(first.id) --watch")
}
