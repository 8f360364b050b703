internal import SluiceCore
internal import Synchronization

/// When the leader counts deep queues again: in proportion to what it cost the last time.
final class DepthMemory: Sendable {
    private let dueAt = Mutex<Instant?>(nil)

    var isDue: Bool { dueAt.withLock { due in due.map { Instant.now >= $0 } ?? true } }

    func counted(in cost: Duration) { dueAt.withLock { $0 = .now + max(.seconds(10), cost * 30) } }
}
