internal import Synchronization

/// A clock that moves only when a test moves it.
public final class ManualClock: Sendable {
    private let elapsed = Mutex(Duration.zero)

    public init() {}

    /// Since the clock was made.
    public var now: Duration { elapsed.withLock { $0 } }

    /// Moves forward; never back.
    public func advance(by duration: Duration) { elapsed.withLock { $0 += max(.zero, duration) } }

    package func advance(to moment: Duration) { elapsed.withLock { $0 = max($0, moment) } }
}
