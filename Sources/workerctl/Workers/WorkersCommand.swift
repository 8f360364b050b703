internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract: "Workers: what they run, and how to stop them.",
        discussion: """
            A worker is named by its id or the beginning of it, by its host, by host:pid, or `all`. What is asked of it
            reaches it within about a second.
            """,
        subcommands: [List.self, Show.self, Quiet.self, Resume.self, Drain.self, Evict.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List live and lost workers.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let workers = try await Session().store.workers()
            if output.json { return try JSON.print(workers.map(WorkerRow.init)) }
            Terminal.write(WorkerRow.table(workers))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show a worker with the tasks it runs."
        )

        @Argument(help: "The worker.") var worker: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let ids = try await find(worker, store)
            for record in try await store.workers() where ids.contains(record.id) {
                let tasks = try await store.tasks(TaskFilter(states: [.running], worker: record.id), limit: 10_000)
                if output.json {
                    try JSON.print(Detail(worker: WorkerRow(record), tasks: tasks.map { TaskRow($0) }))
                    continue
                }
                Terminal.write(WorkerRow.table([record]))
                for task in tasks {
                    Terminal.write(
                        "  task \(task.id) \(task.kind) attempt \(task.attempt) since "
                            + "\(Timestamp.text(task.claimedAt) ?? "-") \(TaskText.progress(task.progress))\n"
                    )
                }
            }
        }

        private struct Detail: Encodable {
            let worker: WorkerRow
            let tasks: [TaskRow]
        }
    }

    struct Quiet: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "quiet",
            abstract: "Let a worker claim nothing more; what it runs goes on."
        )

        @Argument(help: "The worker, or all.") var worker: String

        func run() async throws { try await ask(worker, .quiet) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume",
            abstract: "Let a quiet worker claim again."
        )

        @Argument(help: "The worker, or all.") var worker: String

        func run() async throws { try await ask(worker, .live) }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "drain",
            abstract: "Let a worker end: attempts may finish for a while, the rest is given back; then it exits.",
            discussion: "As SIGTERM does. Exit status 75: with --wait, the time was up."
        )

        @Argument(help: "The worker, or all.") var worker: String
        @Flag(name: .long, help: "Wait until it is gone.") var wait = false
        @Option(name: .long, help: "With --wait: give up after this long.") var timeout: DurationArgument?

        func run() async throws {
            let session = try Session()
            let ids = try await ask(worker, .drain, session.store)
            guard wait else { return }
            let started = Instant.now
            while true {
                let live = Set(try await session.store.findWorkers("all")).intersection(ids)
                if live.isEmpty { return }
                if let timeout, started.elapsed >= timeout.duration {
                    throw CommandFailure(.partial, "\(live.count) workers are not gone yet; they go on ending")
                }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    struct Evict: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "evict",
            abstract: "Take everything from a worker that hangs or cannot be reached, now.",
            discussion: """
                Its tasks are available at once, without costing an attempt; whatever it still writes is refused. A worker
                that is well begins anew under another id: to be rid of it, drain it.
                """
        )

        @Argument(help: "The worker, or all.") var worker: String

        func run() async throws {
            let store = try Session().store
            var count = 0
            for id in try await find(worker, store) where try await store.evict(id) { count += 1 }
            Terminal.write("\(count) workers evicted\n")
        }
    }
}

private func find(_ text: String, _ store: Store) async throws -> [WorkerID] {
    let found = text.isEmpty ? [] : try await store.findWorkers(text)
    if found.isEmpty { throw CommandFailure(.notFound, "no worker with a valid lease is called '\(text)'") }
    return found
}

@discardableResult
private func ask(_ text: String, _ request: WorkerRequest, _ store: Store? = nil) async throws -> [WorkerID] {
    let store = try store ?? Session().store
    var asked: [WorkerID] = []
    for id in try await find(text, store) where try await store.ask(id, request) { asked.append(id) }
    Terminal.write("\(asked.count) workers asked\n")
    return asked
}
