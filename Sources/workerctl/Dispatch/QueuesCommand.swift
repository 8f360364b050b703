internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

struct QueuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queues",
        abstract: "Queues: what waits, pauses, caps and rates.",
        subcommands: [List.self, Show.self, Pause.self, Resume.self, Limits.self, Slow.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List queues.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let status = try await Session().store.status()
            if output.json { return try JSON.print(status.queues.map { QueueRow($0, status.controls) }) }
            var table = Table([
                .init("QUEUE"), .init("READY", .right), .init("RUNNING", .right), .init("MAX RUNNING", .right),
                .init("RATE"), .init("OLDEST", .right), .init("STATE"),
            ])
            for queue in status.queues {
                let control = ControlText(status.controls.first { $0.scope == .queue(queue.name) })
                table.add([
                    queue.name.rawValue, Format.count(queue.ready), Format.count(queue.running), control.maxRunning,
                    control.rate, queue.ready == 0 ? "-" : Format.seconds(queue.oldestReadySeconds), control.state,
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show a queue with everything that is imposed on its tasks, and who has tasks waiting."
        )

        @Argument(help: "The queue's name.") var queue: QueueName
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try await Session().store(with: queue)
            let status = try await store.status()
            let controls = status.controls.filter { $0.scope.concerns(queue) }
            let streams = try await PostgresTaskStore(store).streams(queue: queue, after: nil, limit: 512)
            guard let found = status.queues.first(where: { $0.name == queue }) else { return }
            if output.json {
                return try JSON.print(
                    QueueDetail(
                        queue: QueueRow(found, status.controls),
                        controls: controls.map { ControlRow($0.scope, $0) },
                        backlog: streams.map(BacklogRow.init)
                    )
                )
            }
            Terminal.write("\(queue)  \(Format.count(found.ready)) ready, \(Format.count(found.running)) running\n")
            if !controls.isEmpty {
                var table = Table([.init("IMPOSED ON"), .init("MAX RUNNING", .right), .init("RATE"), .init("STATE")])
                for control in controls {
                    let text = ControlText(control)
                    table.add(["\(control.scope)", text.maxRunning, text.rate, text.state])
                }
                Terminal.write("\n" + table.render())
            }
            if !streams.isEmpty {
                var table = Table([
                    .init("WAITING: TENANT"), .init("WEIGHT", .right), .init("KIND"), .init("PRIORITY", .right),
                ])
                for stream in streams {
                    table.add([stream.tenant.rawValue, "\(stream.weight)", stream.kind.rawValue, "\(stream.priority)"])
                }
                Terminal.write("\n" + table.render())
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause",
            abstract: "Let nothing of a queue start; what runs goes on."
        )

        @Argument(help: "The queue's name.") var queue: QueueName
        @OptionGroup var pause: PauseOptions

        func run() async throws {
            try await ControlEditor(store: Session().store(with: queue), scope: .queue(queue)).pause(pause)
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resume",
            abstract: "End a queue's pause, or its slow-down."
        )

        @Argument(help: "The queue's name.") var queue: QueueName

        func run() async throws {
            try await ControlEditor(store: Session().store(with: queue), scope: .queue(queue)).resume()
        }
    }

    struct Limits: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "limits",
            abstract: "Show or set how many tasks of a queue run at once, and how many start in a time.",
            discussion: "workerctl queues limits embedding --set concurrency=8 rate=100/s burst=200"
        )

        @Argument(help: "The queue's name.") var queue: QueueName
        @OptionGroup var limits: LimitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await ControlEditor(store: Session().store(with: queue), scope: .queue(queue)).limits(limits, output)
        }
    }

    struct Slow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "slow",
            abstract: "Let nothing of a queue start for a while, as after a provider's 429.",
            discussion: "The longest one asked for counts, an hour at most; 'queues resume' ends it."
        )

        @Argument(help: "The queue's name.") var queue: QueueName
        @Option(name: .customLong("for"), help: "How long: 30s, 5m.") var length: DurationArgument
        @Option(name: .long, help: "Why.") var reason = "asked for by an operator"

        func run() async throws {
            try await Session().store(with: queue).slowDown(queue, for: length.duration, reason: reason)
            let length = min(length.duration, Store.longestSlowDown)
            Terminal.say("queue \(queue) is slowed down for \(Format.seconds(length.inSeconds)) at least")
        }
    }
}

extension Session {
    /// The store, when it knows the queue.
    fileprivate func store(with queue: QueueName) async throws -> Store {
        guard try await store.hasQueue(queue) else {
            throw CommandFailure(
                .notFound,
                "there is no queue '\(queue)'; a queue is known once a worker has served it"
            )
        }
        return store
    }
}

extension ControlScope {
    /// True when tasks of the queue can be under it.
    fileprivate func concerns(_ queue: QueueName) -> Bool {
        switch self {
        case .queue(let mine): mine == queue
        case .tenant(_, let place): place == nil || place == queue
        case .kind: true
        }
    }
}

private struct QueueRow: Encodable {
    let name: String
    let ready: Int
    let running: Int
    let scheduled: Int
    let retryable: Int
    let dead: Int
    @Explicit var oldestReadySeconds: Double?
    let control: ControlRow

    init(_ queue: StatusSnapshot.Queue, _ controls: [ControlRecord]) {
        name = queue.name.rawValue
        ready = queue.ready
        running = queue.running
        scheduled = queue.scheduled
        retryable = queue.retryable
        dead = queue.dead
        _oldestReadySeconds = Explicit(wrappedValue: queue.oldestReadySeconds)
        control = ControlRow(.queue(queue.name), controls.first { $0.scope == .queue(queue.name) })
    }
}

private struct BacklogRow: Encodable {
    let tenant: String
    let weight: Int
    let kind: String
    let priority: Int

    init(_ stream: BacklogStream) {
        tenant = stream.tenant.rawValue
        weight = stream.weight
        kind = stream.kind.rawValue
        priority = stream.priority
    }
}

private struct QueueDetail: Encodable {
    let queue: QueueRow
    let controls: [ControlRow]
    let backlog: [BacklogRow]
}
