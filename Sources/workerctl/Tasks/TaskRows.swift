internal import SluiceCore
internal import SluiceStore

struct TaskRow: Encodable {
    struct Progress: Encodable {
        let done: Int64
        @Explicit var total: Int64?
        @Explicit var message: String?
        let reportedAt: String
    }

    let id: String
    let tenant: String
    let queue: String
    let kind: String
    let state: String
    @Explicit var priority: Int?
    let attempt: Int
    @Explicit var maxAttempts: Int?
    let crashCount: Int
    let suspect: Bool
    let quarantined: Bool
    @Explicit var batch: String?
    @Explicit var worker: String?
    @Explicit var reason: String?
    @Explicit var progress: Progress?
    let payload: String
    let createdAt: String
    @Explicit var runAt: String?
    @Explicit var claimedAt: String?
    @Explicit var endedAt: String?

    /// - Parameter keys: to show sealed payloads with.
    init(_ record: TaskRecord, revealing keys: PayloadKeys? = nil) {
        id = "\(record.id)"
        tenant = record.tenant.rawValue
        queue = record.queue.rawValue
        kind = record.kind.rawValue
        state = record.state.rawValue
        _priority = Explicit(wrappedValue: record.priority)
        attempt = record.attempt
        _maxAttempts = Explicit(wrappedValue: record.maxAttempts)
        crashCount = record.crashCount
        suspect = record.isSuspect
        quarantined = record.isQuarantined
        _batch = Explicit(wrappedValue: record.batch.map { "\($0)" })
        _worker = Explicit(wrappedValue: record.worker.map { "\($0)" })
        _reason = Explicit(wrappedValue: record.reason)
        _progress = Explicit(
            wrappedValue: record.progress.map { progress in
                Progress(
                    done: progress.done,
                    total: progress.total,
                    message: progress.message,
                    reportedAt: Timestamp.text(progress.reportedAt)
                )
            }
        )
        payload = PayloadText.shown(record.payload, record.tenant, record.kind, revealing: keys)
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
    @Explicit var endedAt: String?

    init(_ record: AttemptRecord) {
        attempt = record.attempt
        leaseToken = "\(record.token)"
        _worker = Explicit(wrappedValue: record.worker.map { "\($0)" })
        outcome = record.outcome
        _errorClass = Explicit(wrappedValue: record.errorClass)
        _errorMessage = Explicit(wrappedValue: record.errorMessage)
        _claimedAt = Explicit(wrappedValue: Timestamp.text(record.claimedAt))
        _endedAt = Explicit(wrappedValue: Timestamp.text(record.endedAt))
    }
}

enum TaskText {
    /// `120/350 pages`, `34 %`…: what a handler said last, in few words; empty when it said nothing.
    static func progress(_ progress: TaskRecord.Progress?) -> String {
        guard let progress else { return "" }
        var text = Format.count(progress.done) + (progress.total.map { "/" + Format.count($0) } ?? "")
        if let message = progress.message { text += " \(Table.printable(message))" }
        return text
    }

    static func attempts(_ attempts: [AttemptRecord]) -> String {
        var table = Table([
            .init("ATTEMPT", .right), .init("LEASE", .right), .init("OUTCOME"), .init("STARTED"), .init("ENDED"),
            .init("WORKER"), .init("ERROR"),
        ])
        for attempt in attempts {
            let error = [attempt.errorClass, attempt.errorMessage].compactMap(\.self).joined(separator: ": ")
            table.add([
                "\(attempt.attempt)", "\(attempt.token)", attempt.outcome, Timestamp.text(attempt.claimedAt) ?? "-",
                Timestamp.text(attempt.endedAt) ?? "-", attempt.worker.map { "\($0)" } ?? "-", error,
            ])
        }
        return table.render()
    }

    static func detail(
        _ task: TaskRecord,
        _ attempts: [AttemptRecord],
        revealing keys: PayloadKeys? = nil
    ) -> String {
        var text = "task \(task.id)  \(task.kind) in \(task.queue)\n"
        text += "  state    \(task.state.rawValue), attempt \(task.attempt)"
        text += (task.maxAttempts.map { " of \($0)" } ?? "") + ", \(task.crashCount) crashes"
        text += (task.priority.map { ", priority \($0)" } ?? "") + "\n"
        if task.isSuspect { text += "  suspect  a worker process ended while it held this task; it runs alone\n" }
        if task.isQuarantined { text += "  quarantined: raised by `dlq retry` only when it is asked for\n" }
        if let reason = task.reason {
            text += (task.state == .running ? "  to be cancelled: " : "  reason   ") + "\(Table.printable(reason))\n"
        }
        if let progress = task.progress {
            text += "  progress \(Self.progress(progress)), at \(Timestamp.text(progress.reportedAt))\n"
        }
        text += "  tenant   \(task.tenant)" + (task.batch.map { ", batch \($0)" } ?? "") + "\n"
        text += "  created  \(Timestamp.text(task.createdAt))\n"
        if let runAt = task.runAt, task.state != .running { text += "  runs at  \(Timestamp.text(runAt))\n" }
        if let worker = task.worker { text += "  worker   \(worker)\n" }
        if let ended = task.endedAt { text += "  ended    \(Timestamp.text(ended))\n" }
        let payload = PayloadText.shown(task.payload, task.tenant, task.kind, revealing: keys)
        text += "  payload  \(Table.printable(payload))\n"
        return attempts.isEmpty ? text : text + self.attempts(attempts)
    }
}
