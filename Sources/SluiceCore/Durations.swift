extension Duration {
    /// The length in seconds, for SQL, JSON and text. Exact to the microsecond for lengths below a century.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    /// Whole milliseconds, rounded up, at least 0: what `poll` and `PX` take.
    package var inMillisecondsRoundedUp: Int {
        let (seconds, attoseconds) = components
        return max(0, Int(seconds) * 1_000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}

package typealias Instant = ContinuousClock.Instant

extension Instant {
    /// Seconds that have passed since this instant.
    package var elapsed: Duration { ContinuousClock.now - self }
}
