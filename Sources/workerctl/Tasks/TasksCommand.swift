internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "Tasks with their attempts and errors.",
        subcommands: [List.self, Show.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List tasks, newest first.",
            discussion: "Live states by default; --state completed, cancelled or dead looks further back."
        )

        @Option(name: .long, help: "Only this state; may be repeated.") var state: [TaskState] = []
        @Option(name: .long, help: "Only this tenant.") var tenant: TenantID?
        @Option(name: .long, help: "Only this queue.") var queue: QueueName?
        @Option(name: .long, help: "Only this kind.") var kind: TaskKind?
        @Option(name: .long, help: "Only this batch.") var batch: BatchID?
        @OptionGroup var page: PageOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let states = state.isEmpty ? TaskState.allCases.filter(\.isLive) : state
            let tasks = try await Session().store.tasks(
                TaskFilter(tenant: tenant, queue: queue, kind: kind, batch: batch),
                states: states,
                limit: page.limit
            )
            if output.json { return try JSON.print(tasks.map(TaskRow.init)) }
            var table = Table([
                .init("ID", .right), .init("STATE"), .init("QUEUE"), .init("KIND"), .init("ATTEMPT", .right),
                .init("TENANT"), .init("BATCH", .right), .init("CREATED"), .init("REASON"),
            ])
            for task in tasks {
                table.add([
                    "\(task.id)", task.state.rawValue, task.queue.rawValue, task.kind.rawValue,
                    "\(task.attempt)" + (task.maxAttempts.map { "/\($0)" } ?? ""), task.tenant.rawValue,
                    task.batch.map { "\($0)" } ?? "-", Timestamp.text(task.createdAt), task.reason ?? "",
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one task with every attempt."
        )

        @Argument(help: "The task's number.") var id: TaskID
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            guard let task = try await store.task(id) else {
                throw CommandFailure(
                    .notFound,
                    "there is no task \(id); settled tasks are dropped after SLUICE_ARCHIVE_DAYS"
                )
            }
            let attempts = try await store.attempts(of: id)
            if output.json {
                return try JSON.print(Detail(task: TaskRow(task), attempts: attempts.map(AttemptRow.init)))
            }
            var text = "task \(task.id)  \(task.kind) in \(task.queue)\n"
            text += "  state    \(task.state.rawValue), attempt \(task.attempt)"
            text += (task.maxAttempts.map { " of \($0)" } ?? "") + ", \(task.crashCount) crashes\n"
            if let reason = task.reason { text += "  reason   \(Table.printable(reason))\n" }
            text += "  tenant   \(task.tenant)" + (task.batch.map { ", batch \($0)" } ?? "") + "\n"
            text += "  created  \(Timestamp.text(task.createdAt))\n"
            if let runAt = task.runAt, task.state != .running { text += "  runs at  \(Timestamp.text(runAt))\n" }
            if let worker = task.worker { text += "  worker   \(worker)\n" }
            if let ended = task.endedAt { text += "  ended    \(Timestamp.text(ended))\n" }
            text += "  payload  \(Table.printable(task.payload))\n"
            for attempt in attempts {
                text += "  attempt \(attempt.attempt) \(attempt.outcome) at \(Timestamp.text(attempt.endedAt))"
                text += attempt.errorMessage.map { ": \(attempt.errorClass ?? ""): \(Table.printable($0))" } ?? ""
                text += "\n"
            }
            Terminal.write(text)
        }

        private struct Detail: Encodable {
            let task: TaskRow
            let attempts: [AttemptRow]
        }
    }
}

extension TaskState: ExpressibleByArgument {}

struct TaskRow: Encodable {
    let id: String
    let tenant: String
    let queue: String
    let kind: String
    let state: String
    let attempt: Int
    @Explicit var maxAttempts: Int?
    let crashCount: Int
    @Explicit var batch: String?
    @Explicit var worker: String?
    @Explicit var reason: String?
    let payload: String
    let createdAt: String
    @Explicit var runAt: String?
    @Explicit var claimedAt: String?
    @Explicit var endedAt: String?

    init(_ record: TaskRecord) {
        id = "\(record.id)"
        tenant = record.tenant.rawValue
        queue = record.queue.rawValue
        kind = record.kind.rawValue
        state = record.state.rawValue
        attempt = record.attempt
        _maxAttempts = Explicit(wrappedValue: record.maxAttempts)
        crashCount = record.crashCount
        _batch = Explicit(wrappedValue: record.batch.map { "\($0)" })
        _worker = Explicit(wrappedValue: record.worker.map { "\($0)" })
        _reason = Explicit(wrappedValue: record.reason)
        payload = record.payload
        createdAt = Timestamp.text(record.createdAt)
        _runAt = Explicit(wrappedValue: Timestamp.text(record.runAt))
        _claimedAt = Explicit(wrappedValue: Timestamp.text(record.claimedAt))
        _endedAt = Explicit(wrappedValue: Timestamp.text(record.endedAt))
    }
}

struct AttemptRow: Encodable {
    let attempt: Int
    let leaseToken: String
    @Explicit var worker: String?
    let outcome: String
    @Explicit var errorClass: String?
    @Explicit var errorMessage: String?
    @Explicit var claimedAt: String?
    let endedAt: String

    init(_ record: AttemptRecord) {
        attempt = record.attempt
        leaseToken = "\(record.token)"
        _worker = Explicit(wrappedValue: record.worker.map { "\($0)" })
        outcome = record.outcome
        _errorClass = Explicit(wrappedValue: record.errorClass)
        _errorMessage = Explicit(wrappedValue: record.errorMessage)
        _claimedAt = Explicit(wrappedValue: Timestamp.text(record.claimedAt))
        endedAt = Timestamp.text(record.endedAt)
    }
}
