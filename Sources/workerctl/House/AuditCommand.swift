internal import ArgumentParser
internal import SluiceStore

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "What operators did to many tasks at once.",
        subcommands: [List.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List bulk commands, newest first."
        )

        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let events = try await Session().store.auditEvents(limit: page.limit)
            if output.json { return try JSON.print(events.map(Row.init)) }
            var table = Table([
                .init("AT"), .init("WHO"), .init("COMMAND"), .init("COUNT", .right), .init("STATE"), .init("FILTER"),
                .init("REASON"),
            ])
            for event in events {
                table.add([
                    Timestamp.text(event.at), event.who, event.command, Format.count(event.count),
                    event.endedAt == nil ? "not ended" : "done", event.filter, event.reason ?? "",
                ])
            }
            Terminal.write(table.render())
        }

        private struct Row: Encodable {
            let id: String
            let at: String
            let who: String
            let command: String
            /// JSON as text.
            let filter: String
            let count: Int
            @Explicit var reason: String?
            @Explicit var endedAt: String?

            init(_ event: AuditEvent) {
                id = "\(event.id)"
                at = Timestamp.text(event.at)
                who = event.who
                command = event.command
                filter = event.filter
                count = event.count
                _reason = Explicit(wrappedValue: event.reason)
                _endedAt = Explicit(wrappedValue: Timestamp.text(event.endedAt))
            }
        }
    }
}
