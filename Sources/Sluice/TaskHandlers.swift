internal import Logging
package import SluiceCore
package import SluiceQueue

/// What a handler may know of its attempt.
public struct TaskAttempt: Sendable {
    public let id: Int64
    public let tenant: String
    public let queue: String
    /// From 1.
    public let attempt: Int
    public let maxAttempts: Int
    public let batch: Int64?

    public var isLast: Bool { attempt >= maxAttempts }
    /// True when the attempt should end soon: its lease is lost, its time is up, or the worker drains. Handlers that compute
    /// for long ask now and then, and throw `CancellationError`.
    public var isCancelled: Bool { Task.isCancelled }

    package init(_ task: ClaimedTask) {
        id = task.id.rawValue
        tenant = task.tenant.rawValue
        queue = task.queue.rawValue
        attempt = task.attempt
        maxAttempts = task.maxAttempts
        batch = task.batch?.rawValue
    }
}

/// What a handler decided. An error that it throws means: retry by the kind's schedule, dead after the last attempt.
public enum TaskOutcome: Sendable {
    case completed
    /// Run again after `delay` without using up an attempt.
    case snoozed(for: Duration, reason: String)
    /// Never run again.
    case cancelled(reason: String)
    /// To the dead letters at once: another attempt cannot end differently.
    case dead(HandlerError)

    package var outcome: AttemptOutcome {
        switch self {
        case .completed: .completed
        case .snoozed(let delay, let reason): .snoozed(for: delay, reason: reason)
        case .cancelled(let reason): .cancelled(reason: reason)
        case .dead(let error): .dead(error.taskFailure)
        }
    }
}

/// An error whose words are kept and shown. Of other errors only the type is kept: their descriptions may hold secrets.
public struct HandlerError: Error, Sendable, CustomStringConvertible {
    /// Short and stable, for grouping: `mail.rejected`.
    public let errorClass: String
    /// One sentence for people, without secrets.
    public let message: String

    public init(_ errorClass: String, _ message: String) {
        self.errorClass = errorClass
        self.message = message
    }

    public var description: String { "\(errorClass): \(message)" }
}

extension HandlerError: TaskFailureConvertible {
    package var taskFailure: TaskFailure { TaskFailure(errorClass: errorClass, message: message) }
}

/// Handlers by kind. Built at start; handlers run at least once, so what they do outside must bear being done again.
public struct TaskHandlers: Sendable {
    package private(set) var registry = HandlerRegistry()
    package private(set) var defaults: [@Sendable (SluiceClient) async throws -> Void] = []
    private var kinds: Set<String> = []

    public init() {}

    /// Registers the handler of a kind.
    ///
    /// - Throws: when the kind's names are not valid, or when it has a handler already.
    public mutating func handle<Kind: TaskKindDefinition>(
        _: Kind.Type,
        _ perform: @escaping @Sendable (Kind, TaskAttempt) async throws -> TaskOutcome
    ) throws(SluiceError) {
        try Bridged<Kind>.check()
        guard kinds.insert(Kind.kind).inserted else { throw SluiceError("kind '\(Kind.kind)' is registered twice") }
        registry.register(Bridged<Kind>.self) { input, context in
            try await perform(input.value, TaskAttempt(context.task)).outcome
        }
        defaults.append { try await $0.define(Kind.self) }
    }
}
