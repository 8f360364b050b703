internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

extension DeadLettersCommand {
    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retry",
            abstract: "Make dead letters available again, with fresh attempts.",
            discussion: """
                By number, or by the filters of `dlq ls`. One whose unique key a newer live task has stays dead. Quarantined ones,
                which ended their workers, are raised by number or with --quarantined only. Interrupted, the same command goes on where it ended. With --rate the database spreads the tasks over time; the command does not
                wait for them.
                """
        )

        @Argument(help: "Numbers of dead letters.") var ids: [TaskID] = []
        @OptionGroup var filter: Filter
        @OptionGroup var bulk: DeadLetterBulkOptions
        @Flag(name: .long, help: "Quarantined ones too.") var quarantined = false
        @Option(name: .long, help: "So many a second: 100/s, 20/m.") var rate: RateArgument?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let spacing = rate?.spacing ?? .zero
            var named = filter.named(ids)
            named["rate"] = rate?.text
            named["quarantined"] = quarantined ? "included" : nil
            var letters = filter.letters(ids)
            letters.includesQuarantined = quarantined
            var bulk = bulk
            if !ids.isEmpty { bulk.yes = true }
            let action = BulkAction(
                verb: "retry",
                filter: letters.forRetry,
                named: named,
                options: bulk,
                output: output,
                session: session
            )
            let done = try await action.run { filter, limit, before in
                let chunk = try await session.store.raiseDead(
                    filter,
                    limit: limit,
                    spacing: spacing,
                    delay: spacing * before
                )
                await session.announce(
                    chunk.raised.map {
                        EnqueuedTask(id: $0.id, wasDuplicate: false, queue: $0.queue, isAvailable: $0.isAvailable)
                    }
                )
                var next = filter
                next.after = chunk.next
                return (chunk.raised.count, chunk.next == nil ? nil : next)
            }
            guard let done else { return }
            try report(done, "retried", ids, output, "have a newer live task")
        }
    }

    struct Purge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "purge",
            abstract: "Give dead letters up: to the archive as cancelled.",
            discussion: "By number, or by the filters of `dlq ls`. Batches that they block go on, or end, without them."
        )

        @Argument(help: "Numbers of dead letters.") var ids: [TaskID] = []
        @OptionGroup var filter: Filter
        @OptionGroup var bulk: DeadLetterBulkOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let session = try Session()
            let action = BulkAction(
                verb: "purge",
                filter: filter.letters(ids),
                named: filter.named(ids),
                options: bulk,
                output: output,
                session: session
            )
            let done = try await action.run { filter, limit, _ in
                let count = try await session.store.purgeDead(filter, limit: limit, reason: bulk.reason ?? "purged")
                return (count, count < limit ? nil : filter)
            }
            guard let done else { return }
            try report(done, "purged", ids, output, "are being retried")
        }
    }

}

private func report(_ count: Int, _ verb: String, _ ids: [TaskID], _ output: OutputOptions, _ others: String) throws {
    if output.json {
        try JSON.print(["count": count])
    } else {
        Terminal.write("\(Format.count(count)) dead letters \(verb)\n")
    }
    let distinct = Set(ids).count
    guard count < distinct else { return }
    throw CommandFailure(
        count == 0 ? .notFound : .partial,
        "\(distinct - count) are no dead letters, or \(others)"
    )
}

/// `100/s`, `20/m`, `500/h`.
struct RateArgument: ExpressibleByArgument {
    let text: String
    let spacing: Duration

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), (1...1_000_000).contains(count) else { return nil }
        let period: Duration
        switch parts[1] {
        case "s": period = .seconds(1)
        case "m": period = .seconds(60)
        case "h": period = .seconds(3_600)
        default: return nil
        }
        text = argument
        spacing = period / count
    }
}
