internal import ArgumentParser
internal import SluiceCore
internal import SluiceQueue
internal import SluiceStore

struct KindsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kinds",
        abstract: "Kinds of tasks: pauses, caps and rates, in all queues.",
        subcommands: [List.self, Pause.self, Resume.self, Limits.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List kinds that wait, run or have something imposed on them."
        )

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let tasks = PostgresTaskStore(store)
            let controls = try await store.controls()
            let running = try await store.runningKinds()
            var waiting: Set<TaskKind> = []
            for queue in try await tasks.dispatchState().queues {
                waiting.formUnion(try await tasks.streams(queue: queue.name, after: nil, limit: 512).map(\.kind))
            }
            let imposed = controls.compactMap { control in
                if case .kind(let kind) = control.scope { kind } else { nil }
            }
            let kinds = waiting.union(running.keys).union(imposed).sorted()
            if output.json {
                return try JSON.print(
                    kinds.map { kind in
                        KindRow(
                            kind: kind.rawValue,
                            running: running[kind] ?? 0,
                            waiting: waiting.contains(kind),
                            control: ControlRow(.kind(kind), controls.first { $0.scope == .kind(kind) })
                        )
                    }
                )
            }
            var table = Table([
                .init("KIND"), .init("RUNNING", .right), .init("WAITING"), .init("MAX RUNNING", .right), .init("RATE"),
                .init("STATE"),
            ])
            for kind in kinds {
                let control = ControlText(controls.first { $0.scope == .kind(kind) })
                table.add([
                    kind.rawValue, Format.count(running[kind] ?? 0), waiting.contains(kind) ? "yes" : "no",
                    control.maxRunning, control.rate, control.state,
                ])
            }
            Terminal.write(table.render())
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pause",
            abstract: "Let nothing of a kind start; what runs goes on."
        )

        @Argument(help: "The kind, such as document.ingest.") var kind: TaskKind
        @OptionGroup var pause: PauseOptions

        func run() async throws { try await ControlEditor(store: Session().store, scope: .kind(kind)).pause(pause) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "resume", abstract: "End a kind's pause.")

        @Argument(help: "The kind.") var kind: TaskKind

        func run() async throws { try await ControlEditor(store: Session().store, scope: .kind(kind)).resume() }
    }

    struct Limits: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "limits",
            abstract: "Show or set how many tasks of a kind run at once, and how many start in a time."
        )

        @Argument(help: "The kind.") var kind: TaskKind
        @OptionGroup var limits: LimitOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await ControlEditor(store: Session().store, scope: .kind(kind)).limits(limits, output)
        }
    }
}

private struct KindRow: Encodable {
    let kind: String
    let running: Int
    let waiting: Bool
    let control: ControlRow
}
