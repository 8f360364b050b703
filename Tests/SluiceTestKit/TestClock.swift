package import SluiceCore
internal import Synchronization

/// A clock that runs and can be advanced: a lease of a minute ends in no time.
package final class TestClock: Sendable {
    private let skew = Mutex(Duration.zero)

    package init() {}

    package var now: Instant { ContinuousClock.now + skew.withLock { $0 } }

    package func advance(by duration: Duration) { skew.withLock { $0 += duration } }
}
