internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

/// What every command needs that acts on many tasks at once.
struct BulkOptions: ParsableArguments {
    @Flag(name: .long, help: "Without numbers and filters: all of them.") var all = false
    @Flag(name: .long, help: "Say how many it would be and change nothing.") var dryRun = false
    @Flag(name: .long, help: "Do not ask.") var yes = false

    func filter(_ options: TaskFilterOptions, _ ids: [TaskID]) throws -> TaskFilter {
        var filter = options.filter(ids)
        if filter.isUnbounded && !all {
            throw CommandFailure(.usage, "name tasks or a filter; --all means all of them")
        }
        if filter.states.isEmpty { filter.states = TaskState.allCases.filter(\.isLive) }
        if let state = filter.states.first(where: { !$0.isLive }) {
            throw CommandFailure(.usage, "a task that is \(state.rawValue) cannot be cancelled")
        }
        return filter
    }

    /// Says how many it would be, or asks. False: do nothing more.
    func confirm(
        _ filter: TaskFilter,
        _ verb: String,
        _ ids: [TaskID],
        _ session: Session,
        _ output: OutputOptions
    ) async throws -> Bool {
        if !dryRun && (yes || !ids.isEmpty) { return true }
        let count = try await session.store.countTasks(filter)
        if dryRun {
            try Self.report(count, "would \(verb)", output)
            return false
        }
        if count == 0 { return true }
        guard Terminal.inputIsTerminal else {
            throw CommandFailure(
                .usage,
                "\(Format.count(count)) tasks fit; give --yes to \(verb) them without being asked"
            )
        }
        Terminal.ask("\(verb) \(Format.count(count)) tasks? [y/N] ")
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
            throw CommandFailure(.interrupted, "nothing was changed")
        }
        return true
    }

    func check(_ count: Int, of ids: [TaskID], _ others: String) throws { try Self.check(count, of: ids, others) }

    static func report(_ count: Int, _ verb: String, _ output: OutputOptions) throws {
        if output.json { return try JSON.print(["count": count]) }
        Terminal.write("\(Format.count(count)) tasks \(verb)\n")
    }

    /// Named tasks that were not acted on: 4 when none was, 75 when some were.
    static func check(_ count: Int, of ids: [TaskID], _ others: String) throws {
        let distinct = Set(ids).count
        guard count < distinct else { return }
        throw CommandFailure(
            count == 0 ? .notFound : .partial,
            "\(Format.count(distinct - count)) of the tasks do not exist, or \(others)"
        )
    }
}
