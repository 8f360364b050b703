internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "Tasks with their attempts and errors.",
        subcommands: [
            List.self, Show.self, Cancel.self, Retry.self, Snooze.self, Priority.self, Wait.self,
        ]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List tasks, newest first.",
            discussion: """
                Live states by default; --state completed, cancelled or dead looks further back. --since and --until look at
                when a live task was enqueued, a dead one died, a settled one ended.
                """
        )

        @OptionGroup var filter: TaskFilterOptions
        @Option(name: .long, help: "Go on after the page that ended with this task.") var cursor: TaskID?
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            var filter = filter.filter()
            filter.before = cursor
            let tasks = try await Session().store.tasks(filter, limit: page.limit)
            if output.json { return try JSON.print(tasks.map { TaskRow($0) }) }
            var table = Table([
                .init("ID", .right), .init("STATE"), .init("QUEUE"), .init("KIND"), .init("ATTEMPT", .right),
                .init("TENANT"), .init("BATCH", .right), .init("CREATED"), .init("PROGRESS"), .init("REASON"),
            ])
            for task in tasks {
                table.add([
                    "\(task.id)", task.state.rawValue + (task.isSuspect ? ", suspect" : ""), task.queue.rawValue,
                    task.kind.rawValue, "\(task.attempt)" + (task.maxAttempts.map { "/\($0)" } ?? ""),
                    task.tenant.rawValue, task.batch.map { "\($0)" } ?? "-", Timestamp.text(task.createdAt),
                    TaskText.progress(task.progress), task.reason ?? "",
                ])
            }
            Terminal.write(table.render())
            if tasks.count == page.limit, let last = tasks.last, Terminal.outputIsTerminal {
                Terminal.say("more: --cursor \(last.id)")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one task with every attempt and what its handler says of its progress."
        )

        @Argument(help: "The task's number.") var id: TaskID
        @Flag(name: .long, help: "Repaint every second until it is settled; one JSON object a line with --json.")
        var watch = false
        @Flag(name: .long, help: "Open a sealed payload with SLUICE_PAYLOAD_KEYS.") var reveal = false
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let keys = reveal ? store.payloadKeys : nil
            while true {
                guard let task = try await store.task(id) else { throw CommandFailure.noTask(id) }
                let attempts = try await store.attempts(of: id)
                if output.json {
                    try JSON.print(
                        Detail(task: TaskRow(task, revealing: keys), attempts: attempts.map(AttemptRow.init))
                    )
                } else {
                    if watch && Terminal.outputIsTerminal { Terminal.write("\u{1B}[H\u{1B}[2J") }
                    Terminal.write(TaskText.detail(task, attempts, revealing: keys))
                }
                if !watch || !task.state.isLive { return }
                try await Task.sleep(for: .seconds(1))
            }
        }

        private struct Detail: Encodable {
            let task: TaskRow
            let attempts: [AttemptRow]
        }
    }
}

extension CommandFailure {
    static func noTask(_ id: TaskID) -> CommandFailure {
        CommandFailure(.notFound, "there is no task \(id); settled tasks are dropped after SLUICE_ARCHIVE_DAYS")
    }
}
