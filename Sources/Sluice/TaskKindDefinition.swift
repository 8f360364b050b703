package import SluiceCore
internal import SluiceQueue

/// A kind of task: the input that is stored as its payload, and how it is run.
///
/// The stored JSON outlives the code that wrote it, so renaming a property is a migration: advance `payloadVersion`. A worker
/// leaves payloads newer than it knows to newer workers.
public protocol TaskKindDefinition: Codable, Sendable {
    /// Stable name of the kind, `invoice.print`: 1 to 63 of `a-z 0-9 . _ -`, the first a letter or a digit.
    static var kind: String { get }
    static var queue: String { get }
    static var payloadVersion: Int { get }
    static var retry: RetrySchedule { get }
    /// Wall-clock limit of one attempt, at least 1 s.
    static var timeout: Duration { get }
    /// Top-level fields of the payload that stay readable in SQL when payloads are sealed.
    static var routingFields: [String] { get }
}

extension TaskKindDefinition {
    public static var payloadVersion: Int { 1 }
    public static var retry: RetrySchedule { RetrySchedule() }
    public static var timeout: Duration { .seconds(60) }
    public static var routingFields: [String] { [] }
}

/// When a failed attempt runs again: exponential from `base` to `cap`, with full jitter.
public struct RetrySchedule: Sendable, Hashable {
    /// In all, 1...32,767; then the task is a dead letter.
    public var maxAttempts: Int
    public var base: Duration
    public var cap: Duration

    public init(maxAttempts: Int = 10, base: Duration = .seconds(2), cap: Duration = .seconds(600)) {
        self.maxAttempts = maxAttempts
        self.base = base
        self.cap = cap
    }

    var policy: RetryPolicy {
        let base = max(base, .milliseconds(1))
        return RetryPolicy(
            maxAttempts: min(max(1, maxAttempts), 32_767),
            base: base,
            cap: max(base, cap),
            floor: min(base, .milliseconds(100))
        )
    }
}

/// A public kind as the engine knows it.
package struct Bridged<Kind: TaskKindDefinition>: TaskInput {
    package static var kind: TaskKind { TaskKind(trusted: Kind.kind) }
    package static var queue: QueueName { QueueName(trusted: Kind.queue) }
    package static var payloadVersion: Int { Kind.payloadVersion }
    package static var retry: RetryPolicy { Kind.retry.policy }
    package static var timeout: Duration { max(Kind.timeout, .seconds(1)) }
    package static var routingFields: [String] { Kind.routingFields }

    package let value: Kind

    package init(_ value: Kind) { self.value = value }
    package init(from decoder: any Decoder) throws { value = try Kind(from: decoder) }
    package func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }

    /// What a compiler does not check of a kind.
    package static func check() throws(SluiceError) {
        guard NameRule.accepts(Kind.kind) else { throw SluiceError("kind '\(Kind.kind)': \(NameRule.sentence)") }
        guard NameRule.accepts(Kind.queue) else {
            throw SluiceError("queue '\(Kind.queue)' of kind '\(Kind.kind)': \(NameRule.sentence)")
        }
        guard (1...32_767).contains(Kind.payloadVersion), (1...32_767).contains(Kind.retry.maxAttempts) else {
            throw SluiceError("kind '\(Kind.kind)' needs a payload version and attempts of 1 to 32767")
        }
    }
}
