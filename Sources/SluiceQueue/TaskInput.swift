package import SluiceCore

/// The input of one kind of task: what is stored as its payload and handed to its handler.
///
/// The stored JSON outlives the code that wrote it, so renaming a property is a migration: advance `payloadVersion`.
package protocol TaskInput: Codable, Sendable {
    /// Stable name in `tasks.kind`, written by hand.
    static var kind: TaskKind { get }
    static var queue: QueueName { get }
    static var payloadVersion: Int { get }
    static var retry: RetryPolicy { get }
    /// What follows from an error, by its class.
    static var rules: RetryRules { get }
    /// How long a handler that reports progress may report none; nil: for as long as its time-out allows.
    static var stallLimit: Duration? { get }
    /// Wall-clock limit of one attempt.
    static var timeout: Duration { get }
    /// Top-level fields of the payload that SQL reads: they stay readable beside the seal when payloads are encrypted.
    static var routingFields: [String] { get }
}

extension TaskInput {
    package static var payloadVersion: Int { 1 }
    package static var retry: RetryPolicy { .standard }
    package static var rules: RetryRules { .standard }
    package static var stallLimit: Duration? { nil }
    package static var timeout: Duration { .seconds(60) }
    package static var routingFields: [String] { [] }
}
