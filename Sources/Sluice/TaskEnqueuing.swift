internal import SluiceCore
package import SluiceQueue

/// What becomes of the live task that has the unique key of a new one. A running task is always left as it is.
public enum KeyConflict: String, Sendable, CaseIterable {
    /// It stays as it is.
    case keep
    /// A waiting one takes over payload, queue, time, priority and limits, with its attempts anew.
    case replace
    /// A waiting one takes over time and priority.
    case reschedule
}

/// How one task is enqueued, where it differs from its kind.
public struct TaskOptions: Sendable {
    /// Whose task it is.
    public var tenant: String
    /// 0...9, smaller first.
    public var priority: Int
    /// Before the first attempt, by the database's clock.
    public var delay: Duration
    /// Counts the task into this batch of the tenant.
    public var batch: Int64?
    /// At most one live task of a tenant and kind has this key.
    public var uniqueKey: String?
    public var onConflict: KeyConflict

    public init(
        tenant: String = "default",
        priority: Int = 5,
        delay: Duration = .zero,
        batch: Int64? = nil,
        uniqueKey: String? = nil,
        onConflict: KeyConflict = .keep
    ) {
        self.tenant = tenant
        self.priority = priority
        self.delay = delay
        self.batch = batch
        self.uniqueKey = uniqueKey
        self.onConflict = onConflict
    }
}

/// What enqueueing one task led to.
public struct TaskReceipt: Sendable, Hashable {
    public enum Resolution: String, Sendable {
        case created, replaced, rescheduled
        /// A live task with the key stayed as it was.
        case kept
        /// As `kept`, against the wish: it runs already.
        case keptRunning = "kept_running"
    }

    /// Of the new task, or of the live one that has its key.
    public let id: Int64
    public let resolution: Resolution

    package init(_ task: EnqueuedTask) {
        id = task.id.rawValue
        resolution = Resolution(rawValue: task.resolution.rawValue) ?? .kept
    }
}

/// Takes tasks: a `SluiceClient`, or in tests a `TestQueue`. Code that enqueues asks for one of these.
public protocol TaskEnqueuing: Sendable {
    /// Enqueues tasks of one kind in one transaction, in order: all or none.
    @discardableResult
    func enqueue<Kind: TaskKindDefinition>(
        _ inputs: [Kind],
        _ options: TaskOptions
    ) async throws(SluiceError) -> [TaskReceipt]
}

extension TaskEnqueuing {
    /// Enqueues one task; when this returns, it is committed.
    @discardableResult
    public func enqueue<Kind: TaskKindDefinition>(
        _ input: Kind,
        _ options: TaskOptions = TaskOptions()
    ) async throws(SluiceError) -> TaskReceipt {
        guard let receipt = try await enqueue([input], options).first else { throw SluiceError("no task came back") }
        return receipt
    }
}

extension NewTask {
    package init<Kind: TaskKindDefinition>(kind input: Kind, _ options: TaskOptions) throws(SluiceError) {
        try Bridged<Kind>.check()
        guard let tenant = TenantID(rawValue: options.tenant) else {
            throw SluiceError("tenant '\(options.tenant)': \(NameRule.sentence)")
        }
        do {
            try self.init(
                Bridged(input),
                tenant: tenant,
                priority: options.priority,
                delay: options.delay,
                batch: options.batch.map { BatchID(rawValue: $0) },
                uniqueKey: options.uniqueKey,
                onConflict: ConflictPolicy(rawValue: options.onConflict.rawValue) ?? .keep
            )
        } catch {
            throw SluiceError("a task of kind '\(Kind.kind)' cannot be encoded as JSON: \(type(of: error))")
        }
    }
}
