internal import ArgumentParser
internal import SluiceCore
internal import SluiceStore

/// Which tasks; the same for every command that lists or acts on tasks.
struct TaskFilterOptions: ParsableArguments {
    @Option(name: .long, help: "Only this state; may be repeated.") var state: [TaskState] = []
    @Option(name: .long, help: "Only this queue.") var queue: QueueName?
    @Option(name: .long, help: "Only this tenant.") var tenant: TenantID?
    @Option(name: .long, help: "Only this kind.") var kind: TaskKind?
    @Option(name: .long, help: "Only this batch.") var batch: BatchID?
    @Option(name: .long, help: "Only what this worker runs or ran, by its id.") var worker: WorkerID?
    @Option(name: .long, help: "Only with an error like this; % stands for anything: 'extraction.%page 7%'.")
    var errorLike: String?
    @Option(name: .long, help: "Only from this moment on: 2h, 3d or 2026-11-21T10:30:00Z.") var since: PastMoment?
    @Option(name: .long, help: "Only before this moment.") var until: PastMoment?
    @Option(name: .long, help: "Only older than this: 30m, 2d.") var olderThan: DurationArgument?

    func validate() throws {
        if until != nil && olderThan != nil { throw ValidationError("--until and --older-than say the same; give one") }
    }

    /// - Parameter ids: none means any.
    func filter(_ ids: [TaskID] = []) -> TaskFilter {
        TaskFilter(
            ids: ids.isEmpty ? nil : ids,
            states: state,
            tenant: tenant,
            queue: queue,
            kind: kind,
            batch: batch,
            worker: worker,
            errorLike: errorLike,
            since: since,
            until: until ?? olderThan.map { .ago($0.duration) }
        )
    }

    /// What was given, by option, for the audit.
    func named(_ ids: [TaskID]) -> [String: String] {
        var result: [String: String] = [:]
        result["ids"] = ids.isEmpty ? nil : ids.map { "\($0)" }.joined(separator: " ")
        result["state"] = state.isEmpty ? nil : state.map(\.rawValue).joined(separator: " ")
        result["queue"] = queue?.rawValue
        result["tenant"] = tenant?.rawValue
        result["kind"] = kind?.rawValue
        result["batch"] = batch.map { "\($0)" }
        result["worker"] = worker.map { "\($0)" }
        result["error_like"] = errorLike
        result["since"] = since.map { "\($0)" }
        result["until"] = until.map { "\($0)" }
        result["older_than"] = olderThan.map { "\($0.duration.inSeconds) s" }
        return result
    }
}

/// A length of time on the command line.
struct DurationArgument: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        guard let duration = DurationText.parse(argument) else { return nil }
        self.duration = duration
    }
}

extension PastMoment: ExpressibleByArgument {
    init?(argument: String) { self.init(text: argument) }
}

extension WorkerID: ExpressibleByArgument {
    init?(argument: String) { self.init(text: argument) }
}

extension TaskState: ExpressibleByArgument {}
