internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq",
        abstract: "Dead letters: tasks that failed for good.",
        subcommands: [List.self, Retry.self]
    )

    struct Filter: ParsableArguments {
        @Option(name: .long, help: "Only this tenant.") var tenant: TenantID?
        @Option(name: .long, help: "Only this queue.") var queue: QueueName?
        @Option(name: .long, help: "Only this kind.") var kind: TaskKind?
        @Option(name: .long, help: "Only this class of error, such as extraction.crashed.") var errorClass: String?

        var isEmpty: Bool { tenant == nil && queue == nil && kind == nil && errorClass == nil }

        func letters(_ ids: [TaskID]) -> DeadLetterFilter {
            DeadLetterFilter(
                TaskFilter(ids: ids.isEmpty ? nil : ids, tenant: tenant, queue: queue, kind: kind),
                errorClass: errorClass
            )
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List dead letters, newest first."
        )

        @OptionGroup var filter: Filter
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let letters = try await Session().store.deadLetters(filter.letters([]), limit: page.limit)
            if output.json { return try JSON.print(letters.map(Row.init)) }
            var table = Table([
                .init("ID", .right), .init("KIND"), .init("TENANT"), .init("ATTEMPTS", .right), .init("DIED"),
                .init("BATCH", .right), .init("ERROR"),
            ])
            for letter in letters {
                table.add([
                    "\(letter.id)", letter.kind.rawValue, letter.tenant.rawValue, "\(letter.attempts)",
                    Timestamp.text(letter.diedAt), letter.batch.map { "\($0)" } ?? "-",
                    "\(letter.errorClass): \(letter.errorMessage)",
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "retry",
            abstract: "Make dead letters available again, with fresh attempts.",
            discussion: """
                By number, or by the filters of `dlq ls`: look first, then act with the same filter.
                One whose document has a newer live task stays dead.
                """
        )

        @Argument(help: "Numbers of dead letters.") var ids: [TaskID] = []
        @OptionGroup var filter: Filter
        @Flag(name: .long, help: "Without numbers and filters: all of them.") var all = false
        @Flag(name: .long, help: "Show what would be retried and change nothing.") var dryRun = false
        @Option(name: .long, help: "Retry at most this many, 1 to 10000.") var limit = 1_000
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if ids.isEmpty && filter.isEmpty && !all {
                throw ValidationError("name dead letters or a filter; --all retries all of them")
            }
            guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be 1 to 10000") }
        }

        func run() async throws {
            let session = try Session()
            if dryRun {
                let letters = try await session.store.deadLetters(filter.letters(ids), limit: limit)
                return try report(letters.count, "would be retried")
            }
            let retried = try await session.store.retryDead(filter.letters(ids), limit: limit)
            await session.announce(
                retried.map {
                    EnqueuedTask(id: $0.id, wasDuplicate: false, queue: $0.queue, isAvailable: $0.isAvailable)
                }
            )
            try report(retried.count, "retried")
            if !ids.isEmpty, retried.count < ids.count {
                throw CommandFailure(
                    retried.isEmpty ? .notFound : .partial,
                    "\(ids.count - retried.count) are no dead letters, or have a newer live task"
                )
            }
        }

        private func report(_ count: Int, _ verb: String) throws {
            if output.json { return try JSON.print(["count": count]) }
            Terminal.write("\(Format.count(count)) dead letters \(verb)\n")
        }
    }

    struct Row: Encodable {
        let id: String
        let tenant: String
        let queue: String
        let kind: String
        let attempts: Int
        let crashCount: Int
        @Explicit var batch: String?
        let errorClass: String
        let errorMessage: String
        let payload: String
        let createdAt: String
        let diedAt: String

        init(_ letter: DeadLetter) {
            id = "\(letter.id)"
            tenant = letter.tenant.rawValue
            queue = letter.queue.rawValue
            kind = letter.kind.rawValue
            attempts = letter.attempts
            crashCount = letter.crashCount
            _batch = Explicit(wrappedValue: letter.batch.map { "\($0)" })
            errorClass = letter.errorClass
            errorMessage = letter.errorMessage
            payload = letter.payload
            createdAt = Timestamp.text(letter.createdAt)
            diedAt = Timestamp.text(letter.diedAt)
        }
    }
}
