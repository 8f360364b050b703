internal import SluiceCore
internal import SluiceQueue
internal import Synchronization

/// What a process remembers between claims: whether controls concern a queue, so that the long way is gone only then.
/// Being wrong costs time, never a rule: every claim checks in the database.
final class ClaimMemory: Sendable {
    private struct State {
        var controls = Controls()
        var readAt: Instant?
        /// Where claims without hints go on, for queues with very many tenants.
        var cursors: [QueueName: String] = [:]
    }

    private let state = Mutex(State())
    /// How long what was read is believed.
    private static let trust = Duration.milliseconds(250)

    /// Nil when it must be read again.
    var controls: Controls? {
        state.withLock { state in
            state.readAt.map { $0.elapsed < Self.trust } == true ? state.controls : nil
        }
    }

    /// What was known last, however old.
    var lastControls: Controls { state.withLock { $0.controls } }

    func learn(_ controls: Controls) {
        state.withLock { state in
            state.controls = controls
            state.readAt = .now
        }
    }

    func cursor(_ queue: QueueName) -> String { state.withLock { $0.cursors[queue] ?? "" } }
    func setCursor(_ cursor: String, _ queue: QueueName) {
        state.withLock { $0.cursors[queue] = cursor.isEmpty ? nil : cursor }
    }
}
