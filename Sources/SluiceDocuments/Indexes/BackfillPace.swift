internal import SluiceCore

/// How a backfill leaves room for everything else: bounded batches, and a rest after each as long as its share asks for. Pure.
package struct BackfillPace: Sendable, Equatable {
    /// Of the time, that it works: above 0, at most 1.
    package let share: Double
    /// How long a batch is to take.
    package let aim: Duration
    package let limits: ClosedRange<Int>
    /// Chunks of the next batch.
    package private(set) var limit: Int

    package init(
        share: Double = 0.5,
        aim: Duration = .milliseconds(250),
        limits: ClosedRange<Int> = 50...10_000,
        first: Int = 500
    ) {
        self.share = min(1, max(0.01, share))
        self.aim = aim
        self.limits = limits
        limit = min(limits.upperBound, max(limits.lowerBound, first))
    }

    /// Notes how long a batch took: the next is larger or smaller, by twice at most. Returns for how long to rest.
    package mutating func took(_ time: Duration) -> Duration {
        let ratio = aim.inSeconds / max(time.inSeconds, 0.000_001)
        let next = Double(limit) * min(2, max(0.5, ratio))
        limit = min(limits.upperBound, max(limits.lowerBound, Int(next)))
        return .seconds(time.inSeconds * (1 - share) / share)
    }
}
