internal import SluiceCore
internal import Synchronization

/// When a look that may be dear is taken again: after a while in proportion to what it cost the last time.
///
/// A look at what runs, or waits, reads the index entries of all that ran or waited before, until they are removed; while some
/// session keeps a transaction open they are not, and there may be millions.
final class PacedLook: Sendable {
    /// What costs no more than this, on a busy machine too, need not be saved.
    static let cheap = Duration.milliseconds(75)

    private let atLeast: Duration
    private let share: Int
    private let dueAt = Mutex<Instant?>(nil)

    /// - Parameters:
    ///   - atLeast: from the end of one look to the next.
    ///   - share: at most one part in so many of the time is spent on looking.
    init(atLeast: Duration = .zero, share: Int) {
        self.atLeast = atLeast
        self.share = share
    }

    var isDue: Bool { dueAt.withLock { due in due.map { Instant.now >= $0 } ?? true } }

    /// Also of one that failed: it cost what it cost.
    func looked(in cost: Duration) {
        let next = Instant.now + max(atLeast, cost > Self.cheap ? cost * share : .zero)
        dueAt.withLock { due in due = max(due ?? next, next) }
    }
}
