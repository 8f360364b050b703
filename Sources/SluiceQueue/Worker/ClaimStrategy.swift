package import SluiceCore

/// Where one queue's claim loop looks next: hints while they flow; the store itself when hints have been silent for a
/// while, since they may be lost; the store alone, at a pace that follows its yield, while hints cannot be had.
///
/// A pure value.
package struct ClaimStrategy: Sendable {
    package enum Step: Equatable {
        /// Fetch hints and claim them.
        case fetch
        /// Claim straight from the store.
        case look
        /// Rest for so long, or until something rings.
        case rest(Duration)
    }

    package enum Event: Equatable {
        case fetched(Int)
        /// What the look cost matters while hints flow: then it only makes sure that none is lost.
        case looked(found: Int, wanted: Int, cost: Duration = .zero)
        case rested(wasWoken: Bool)
        case hintsFailed
        case storeFailed
    }

    private enum State { case askHints, askStore, idle }

    /// How long hints may be silent.
    private let idlePoll: Duration
    private var state = State.askHints
    /// At the start, look into the store too: what became available before has no wake-up.
    private var looksAfterFetch = true
    private var emptyLooks = 0
    private var failures = 0
    private var lastYield: Instant?
    /// After a dear look, when the next one may be taken beside hints.
    private var lookDueAt: Instant?
    /// While a transaction is left open anywhere, a look passes over all that has gone since: at most one part in so many of
    /// the time is spent on that.
    private static let share = 20

    /// What costs no more than this need not be saved.
    private static let cheap = Duration.milliseconds(20)
    private static let shortestPoll = Duration.milliseconds(10)
    private static let longestBlindPoll = Duration.milliseconds(500)

    package init(idlePoll: Duration) { self.idlePoll = idlePoll }

    package func next(hintsAreUsable: Bool, using generator: inout some RandomNumberGenerator) -> Step {
        switch state {
        case .askHints: return hintsAreUsable ? .fetch : .look
        case .askStore: return .look
        case .idle:
            let jitter = Double.random(in: 0.5...1, using: &generator)
            if failures > 0 { return .rest(.milliseconds(min(5_000, 100 << min(failures, 6))) * jitter) }
            if hintsAreUsable { return .rest(idlePoll * jitter) }
            let pace = Self.shortestPoll * Double(1 << min(emptyLooks, 10))
            return .rest(min(pace, Self.longestBlindPoll, idlePoll) * jitter)
        }
    }

    package mutating func record(_ event: Event, at now: Instant) {
        switch event {
        case .fetched(let count):
            failures = 0
            if count > 0 {
                lastYield = now
                looksAfterFetch = false
                state = .askHints
            } else {
                // A loop that is woken all the time must look into the store all the same.
                let isOverdue = lastYield.map { now - $0 >= idlePoll } ?? true
                let isAffordable = lookDueAt.map { now >= $0 } ?? true
                state = (looksAfterFetch || isOverdue) && isAffordable ? .askStore : .idle
            }
        case .looked(let found, let wanted, let cost):
            failures = 0
            lookDueAt = cost > Self.cheap ? now + cost * Self.share : nil
            lastYield = now
            emptyLooks = found > 0 ? 0 : emptyLooks + 1
            // Work without hints: they lag or are lost, so keep looking while there is more.
            looksAfterFetch = found > 0 && found >= wanted
            state = looksAfterFetch ? .askHints : .idle
        case .rested(let wasWoken):
            if failures > 0 || !wasWoken { looksAfterFetch = true }
            state = .askHints
        case .hintsFailed: state = .askStore
        case .storeFailed:
            failures += 1
            state = .idle
        }
    }
}
