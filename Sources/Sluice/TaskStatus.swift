internal import SluiceCore
package import SluiceStore

/// Where a task stands.
public struct TaskStatus: Sendable {
    public enum State: String, Sendable {
        case scheduled, available, running, retryable, completed, dead, cancelled
    }

    public let id: Int64
    public let tenant: String
    public let queue: String
    public let kind: String
    public let state: State
    /// Attempts used.
    public let attempt: Int
    /// Why it was cancelled, or of which error it died.
    public let reason: String?
    public let batch: Int64?

    /// True when it will not run any more (a dead letter: unless an operator raises it).
    public var isSettled: Bool { state == .completed || state == .dead || state == .cancelled }

    package init(_ record: TaskRecord) {
        id = record.id.rawValue
        tenant = record.tenant.rawValue
        queue = record.queue.rawValue
        kind = record.kind.rawValue
        state = State(rawValue: record.state.rawValue) ?? .available
        attempt = record.attempt
        reason = record.reason
        batch = record.batch?.rawValue
    }
}
