internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq",
        abstract: "Dead letters: tasks that failed for good.",
        discussion: """
            Look first, then act with the same filter: ls, groups, retry, purge and export take the same ones.
            """,
        subcommands: [List.self, Groups.self, Show.self, Retry.self, Purge.self, Export.self]
    )

    struct Filter: ParsableArguments {
        @Option(name: .long, help: "Only this tenant.") var tenant: TenantID?
        @Option(name: .long, help: "Only this queue.") var queue: QueueName?
        @Option(name: .long, help: "Only this kind.") var kind: TaskKind?
        @Option(name: .long, help: "Only this batch, without those inside it.") var batch: BatchID?
        @Option(name: .long, help: "Only this class of error, such as extraction.crashed.") var errorClass: String?
        @Option(name: .long, help: "Only with an error like this; % stands for anything.") var errorLike: String?
        @Option(name: .long, help: "Only this group, as `dlq groups` names it.") var fingerprint: String?
        @Option(name: .long, help: "Only what died from this moment on: 2h, 3d or 2026-11-21T10:30:00Z.")
        var since: PastMoment?
        @Option(name: .long, help: "Only what died before this moment.") var until: PastMoment?

        func letters(_ ids: [TaskID] = []) -> DeadLetterFilter {
            DeadLetterFilter(
                TaskFilter(
                    ids: ids.isEmpty ? nil : ids,
                    tenant: tenant,
                    queue: queue,
                    kind: kind,
                    batch: batch,
                    errorLike: errorLike,
                    since: since,
                    until: until
                ),
                errorClass: errorClass,
                fingerprint: fingerprint
            )
        }

        /// What was given, by option, for the audit.
        func named(_ ids: [TaskID]) -> [String: String] {
            var result: [String: String] = [:]
            result["ids"] = ids.isEmpty ? nil : ids.map { "\($0)" }.joined(separator: " ")
            result["tenant"] = tenant?.rawValue
            result["queue"] = queue?.rawValue
            result["kind"] = kind?.rawValue
            result["batch"] = batch.map { "\($0)" }
            result["error_class"] = errorClass
            result["error_like"] = errorLike
            result["fingerprint"] = fingerprint
            result["since"] = since.map { "\($0)" }
            result["until"] = until.map { "\($0)" }
            return result
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List dead letters, newest first."
        )

        @OptionGroup var filter: Filter
        @OptionGroup var page: PageOptions
        @Option(name: .long, help: "Go on where a page ended: the cursor that was shown under it.") var cursor: String?
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var letters = filter.letters()
            if let cursor {
                guard let after = DeadLetterCursor(text: cursor) else {
                    throw CommandFailure(.usage, "'\(cursor)' is no cursor: take the one that ls shows under a page")
                }
                letters.after = after
            }
            let found = try await Session().store.deadLetters(letters, limit: page.limit)
            if output.json { return try JSON.print(found.map { DeadLetterRow($0, payload: nil) }) }
            var table = Table([
                .init("ID", .right), .init("KIND"), .init("TENANT"), .init("ATTEMPTS", .right), .init("DIED"),
                .init("BATCH", .right), .init("ERROR"),
            ])
            for letter in found {
                table.add([
                    "\(letter.id)", letter.kind.rawValue, letter.tenant.rawValue, "\(letter.attempts)",
                    Timestamp.text(letter.diedAt), letter.batch.map { "\($0)" } ?? "-",
                    "\(letter.errorClass): \(letter.errorMessage)",
                ])
            }
            Terminal.write(table.render())
            if found.count == page.limit, let last = found.last {
                Terminal.say("more may follow: --cursor \(DeadLetterCursor(last))")
            }
        }
    }

    struct Groups: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "groups",
            abstract: "Dead letters by what killed them, the largest groups first."
        )

        @OptionGroup var filter: Filter
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let groups = try await Session().store.deadLetterGroups(filter.letters(), limit: page.limit)
            if output.json { return try JSON.print(groups.map(DeadLetterGroupRow.init)) }
            var table = Table([
                .init("COUNT", .right), .init("FIRST"), .init("LAST"), .init("SAMPLE", .right), .init("KINDS"),
                .init("FINGERPRINT"),
            ])
            for group in groups {
                table.add([
                    Format.count(group.count), Timestamp.text(group.firstAt), Timestamp.text(group.lastAt),
                    "\(group.sample)", group.kinds.joined(separator: ","), group.fingerprint,
                ])
            }
            Terminal.write(table.render())
        }
    }
}
