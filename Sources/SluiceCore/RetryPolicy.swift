/// How often a kind's task is tried, and after which delays.
package struct RetryPolicy: Hashable, Sendable {
    /// Attempts in all, 1...32,767. After the last failure the task is dead.
    package let maxAttempts: Int
    package let backoff: Backoff

    package init(maxAttempts: Int, base: Duration, cap: Duration, floor: Duration = .milliseconds(100)) {
        precondition((1...32_767).contains(maxAttempts))
        self.maxAttempts = maxAttempts
        backoff = Backoff(base: base, cap: cap, floor: floor)
    }

    package var base: Duration { backoff.base }
    package var cap: Duration { backoff.cap }
    package var floor: Duration { backoff.floor }

    /// 10 attempts over about half an hour: 2 s, 4 s, 8 s … at most 10 min.
    package static let standard = RetryPolicy(maxAttempts: 10, base: .seconds(2), cap: .seconds(600))

    /// - Parameter attempt: the attempt that failed, from 1.
    package func delay(afterAttempt attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        backoff.delay(afterAttempt: attempt, using: &generator)
    }

    /// The longest delay that `delay(afterAttempt:using:)` may return.
    package func ceiling(afterAttempt attempt: Int) -> Duration { backoff.ceiling(afterAttempt: attempt) }
}

/// When a failed attempt runs again: exponential, full jitter, capped.
///
/// The delay before attempt `n + 1` is uniform in `floor...min(cap, base · 2^(n-1))`: full jitter spreads a failed herd best.
/// Source: Brooker 2015, "Exponential Backoff And Jitter".
package struct Backoff: Hashable, Sendable {
    package let base: Duration
    package let cap: Duration
    package let floor: Duration

    package init(base: Duration, cap: Duration, floor: Duration = .milliseconds(100)) {
        precondition(base > .zero && cap >= base && floor >= .zero && floor <= base)
        self.base = base
        self.cap = cap
        self.floor = floor
    }

    /// - Parameter attempt: the attempt that failed, from 1.
    package func delay(afterAttempt attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let ceiling = ceiling(afterAttempt: attempt)
        return floor + (ceiling - floor) * Double.random(in: 0...1, using: &generator)
    }

    /// The longest delay that `delay(afterAttempt:using:)` may return.
    package func ceiling(afterAttempt attempt: Int) -> Duration {
        // 2^40 · 1 ms is 34 years: beyond any cap, and far from overflow.
        let doublings = min(max(attempt - 1, 0), 40)
        let seconds = base.inSeconds * Double(UInt64(1) << UInt64(doublings))
        return min(cap, .seconds(min(seconds, cap.inSeconds)))
    }
}
