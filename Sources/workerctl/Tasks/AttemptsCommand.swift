internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

struct AttemptsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attempts",
        abstract: "Attempts of a task.",
        subcommands: [List.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls",
            abstract: "List every attempt of a task: where it ran, how it ended, its error.",
            discussion: """
                One that runs is among them, and the one that settled the task. An attempt that was given back (snoozed,
                released) shares its number with the next; their leases differ.
                """
        )

        @Argument(help: "The task's number.") var id: TaskID
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let store = try Session().store
            let attempts = try await store.attempts(of: id)
            if attempts.isEmpty, try await store.task(id) == nil { throw CommandFailure.noTask(id) }
            if output.json { return try JSON.print(attempts.map(AttemptRow.init)) }
            Terminal.write(TaskText.attempts(attempts))
        }
    }
}
