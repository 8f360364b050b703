package import SluiceCore

/// Whether calls on a connection are worth queueing, decided without I/O, clock or lock.
///
/// While the server is away every call but the one that probes it fails at once, so callers fall back without waiting.
package struct LinkState: Sendable {
    package enum Phase: Sendable, Equatable {
        /// Not connected, and no reason to think that it would fail.
        case idle
        /// `isProbe`: the attempt before this one failed.
        case connecting(isProbe: Bool)
        case connected
        /// A probe makes sense from `until` on.
        case down(until: Instant)
        case closed
    }

    package private(set) var phase = Phase.idle
    /// Attempts that failed in a row.
    package private(set) var failures = 0
    package private(set) var lastError: RedisError?

    package init() {}

    /// Why a call made now must fail at once; nil when it may queue.
    package func refusal(at now: Instant) -> RedisError? {
        switch phase {
        case .idle, .connected, .connecting(isProbe: false): nil
        case .connecting(isProbe: true): lastError
        case .down(let until): now < until ? lastError : nil
        case .closed: RedisError(.closed)
        }
    }

    package mutating func beginConnecting() {
        guard phase != .closed else { return }
        phase = .connecting(isProbe: failures > 0)
    }

    package mutating func connected() {
        guard phase != .closed else { return }
        phase = .connected
        failures = 0
        lastError = nil
    }

    /// A connection attempt failed.
    /// - Parameter jitter: 0...1, random.
    package mutating func failed(
        _ error: RedisError,
        at now: Instant,
        base: Duration,
        cap: Duration,
        jitter: Double
    ) {
        guard phase != .closed else { return }
        failures += 1
        lastError = error
        // Beyond 2^16 any base is past any cap.
        let ceiling = min(cap, base * (1 << min(failures - 1, 16)))
        phase = .down(until: now + ceiling * (0.5 + 0.5 * jitter))
    }

    /// An established connection ended. The next call reconnects at once: most often the server restarted or dropped an
    /// idle client.
    package mutating func lost() {
        guard phase != .closed else { return }
        phase = .idle
    }

    package mutating func close() { phase = .closed }
}
