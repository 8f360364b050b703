package import SluiceCore
internal import SluicePostgres

/// Which tasks an operator means; nil and empty mean any. One for all commands that list or act on tasks: what `ls` shows
/// is what a bulk command with the same filter acts on.
package struct TaskFilter: Sendable {
    package var ids: [TaskID]?
    /// Empty: any state of the table that is read.
    package var states: [TaskState]
    package var tenant: TenantID?
    package var queue: QueueName?
    package var kind: TaskKind?
    package var batch: BatchID?
    /// The incarnation that runs it, or ran its last attempt. Never matches dead letters.
    package var worker: WorkerID?
    /// A pattern of SQL's LIKE for `class: message` of any of its errors, without regard to case; without `%` and `_` it may
    /// stand anywhere in it.
    package var errorLike: String?
    /// Moments are those at which a live task was enqueued, a dead letter died and a settled task ended.
    package var since: PastMoment?
    package var until: PastMoment?
    /// Tasks with smaller numbers only: where the page before ended.
    package var before: TaskID?
    /// Of dead letters: whether they are quarantined. Live and settled tasks never are.
    package var isQuarantined: Bool?

    package init(
        ids: [TaskID]? = nil,
        states: [TaskState] = [],
        tenant: TenantID? = nil,
        queue: QueueName? = nil,
        kind: TaskKind? = nil,
        batch: BatchID? = nil,
        worker: WorkerID? = nil,
        errorLike: String? = nil,
        since: PastMoment? = nil,
        until: PastMoment? = nil,
        before: TaskID? = nil,
        isQuarantined: Bool? = nil
    ) {
        self.ids = ids
        self.states = states
        self.tenant = tenant
        self.queue = queue
        self.kind = kind
        self.batch = batch
        self.worker = worker
        self.errorLike = errorLike
        self.since = since
        self.until = until
        self.before = before
        self.isQuarantined = isQuarantined
    }

    /// Where a filter looks. Their columns differ, so its condition does too.
    enum Source: String {
        case live = "tasks"
        case archive = "tasks_archive"
        case dead = "dead_letters"

        var states: Set<TaskState> {
            switch self {
            case .live: Set(TaskState.allCases.filter(\.isLive))
            case .archive: [.completed, .cancelled]
            case .dead: [.dead]
            }
        }

        fileprivate var moment: String {
            switch self {
            case .live: "created_at"
            case .archive: "finished_at"
            case .dead: "died_at"
            }
        }
    }

    /// True when the filter names nothing: a bulk command asks for more. To leave out what is quarantined names nothing.
    package var isUnbounded: Bool {
        ids == nil && states.isEmpty && tenant == nil && queue == nil && kind == nil && batch == nil && worker == nil
            && errorLike == nil && since == nil && until == nil && isQuarantined != true
    }

    /// Whether any row of the source can match.
    func mayMatch(_ source: Source) -> Bool {
        if !states.isEmpty && source.states.isDisjoint(with: states) { return false }
        return source == .dead ? worker == nil : isQuarantined != true
    }

    /// The condition on the source's columns, with parameters from `$<first>` on. Only what is named stands in it, so that
    /// the planner sees what it may use an index for.
    ///
    /// - Parameter alias: the name of the source's rows in the statement.
    func condition(on source: Source, from first: Int = 1, alias: String? = nil) -> (sql: String, values: [PGValue]) {
        let row = alias ?? source.rawValue
        var parts: [String] = []
        var values: [PGValue] = []
        func add(_ value: PGValue, _ part: (String) -> String) {
            values.append(value)
            parts.append(part("$\(first + values.count - 1)"))
        }
        if let ids { add(.int8Array(ids.map(\.rawValue))) { "\(row).id = ANY (\($0))" } }
        if let tenant { add(.text(tenant.rawValue)) { "\(row).tenant_id = \($0)" } }
        if let queue { add(.text(queue.rawValue)) { "\(row).queue = \($0)" } }
        if let kind { add(.text(kind.rawValue)) { "\(row).kind = \($0)" } }
        if let batch { add(.int8(batch.rawValue)) { "\(row).batch_id = \($0)" } }
        if let before { add(.int8(before.rawValue)) { "\(row).id < \($0)" } }
        if !states.isEmpty && source != .dead {
            add(.textArray(states.map(\.rawValue))) { "\(row).state = ANY (\($0))" }
        }
        if let worker, source != .dead {
            let column = source == .live ? "lease_owner" : "worker"
            add(.uuid(worker)) { "\(row).\(column) = \($0)" }
        }
        if let isQuarantined, source == .dead { add(.bool(isQuarantined)) { "\(row).quarantined = \($0)" } }
        for (moment, comparison) in [(since, ">="), (until, "<")] {
            switch moment {
            case .ago(let duration):
                add(.float8(duration.inSeconds)) {
                    "\(row).\(source.moment) \(comparison) now() - make_interval(secs => \($0))"
                }
            case .at(let seconds):
                add(.timestamp(seconds)) { "\(row).\(source.moment) \(comparison) \($0)" }
            case nil: break
            }
        }
        if let errorLike { add(.text(Self.pattern(errorLike))) { Self.hasError(source, row, $0) } }
        return (parts.isEmpty ? "true" : parts.joined(separator: " AND "), values)
    }

    private static func pattern(_ text: String) -> String {
        text.contains { $0 == "%" || $0 == "_" } ? text : "%\(text)%"
    }

    private static func hasError(_ source: Source, _ row: String, _ pattern: String) -> String {
        let kept = """
            EXISTS (SELECT FROM attempts WHERE attempts.task_id = \(row).id
                AND attempts.error_class || ': ' || attempts.error_message ILIKE \(pattern))
            """
        switch source {
        case .live: return kept
        case .archive: return "(\(row).reason ILIKE \(pattern) OR \(kept))"
        case .dead: return "\(row).error_class || ': ' || \(row).error_message ILIKE \(pattern)"
        }
    }
}
