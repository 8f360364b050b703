package import SluiceCore

/// Whether hints can be had: after a failure they are left alone for a moment, longer each time.
package struct HintHealth: Sendable {
    private var failures = 0
    private var retryAt: Instant?

    package init() {}

    package var isDegraded: Bool { failures > 0 }

    package func isUsable(at now: Instant) -> Bool { retryAt.map { $0 <= now } ?? true }

    /// - Returns: true when this is the first failure after a success.
    package mutating func failed(at now: Instant, using generator: inout some RandomNumberGenerator) -> Bool {
        failures = min(failures + 1, 10)
        let ceiling = min(3_000, 100 << min(failures, 5))
        retryAt = now + .milliseconds(Int.random(in: ceiling / 2...ceiling, using: &generator))
        return failures == 1
    }

    /// - Returns: true when this is the first success after a failure.
    package mutating func worked() -> Bool {
        defer { self = HintHealth() }
        return isDegraded
    }
}
