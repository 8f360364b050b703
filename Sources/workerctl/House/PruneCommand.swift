internal import ArgumentParser
internal import SluiceService
internal import SluiceStore

struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Remove what is beyond its retention.",
        discussion: """
            The coordinator does this every hour. Ages are set by SLUICE_RETENTION_ATTEMPTS_DAYS, _BATCHES_DAYS,
            _VERSIONS_DAYS, _CACHE_DAYS and _AUDIT_DAYS. Days of the archive (SLUICE_ARCHIVE_DAYS) are dropped by the coordinator.
            """
    )

    @Flag(name: .long, help: "Show what would go and change nothing.") var dryRun = false
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let session = try Session()
        let policy = session.settings.retention
        let rows: [PrunedRows]
        if dryRun {
            rows = try await session.store.countPrunable(policy)
        } else {
            let event = try await Audit.begin("prune", [:], reason: nil, in: session.store)
            rows = try await session.store.prune(policy)
            try await session.store.audited(event, adding: rows.reduce(0) { $0 + $1.count }, isOver: true)
        }
        if output.json {
            return try JSON.print(Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.count) }))
        }
        var table = Table([.init("WHAT"), .init(dryRun ? "WOULD GO" : "GONE", .right)])
        for row in rows { table.add([row.name, Format.count(row.count)]) }
        Terminal.write(table.render())
    }
}
