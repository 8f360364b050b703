package import SluiceCore

/// The worker's lease as the worker may see it. Trust counts from when a renewal was *sent*, so a slow answer cannot
/// stretch it, and ends a margin before the lease does, so that a worker stops itself before others take its tasks.
///
/// A pure value: the caller performs what `tick` returns and tells what came of it.
package struct LeaseClock: Sendable, Equatable {
    package enum Action: Equatable {
        case renew(WorkerID)
        /// Trust ran out: stop everything that was claimed under this id.
        case end(WorkerID)
        case register
    }

    private enum Phase: Equatable {
        case none(registerAt: Instant, isAsking: Bool)
        case held(WorkerID, trustedUntil: Instant, renewAt: Instant, isAsking: Bool)
    }

    package let length: Duration
    private var phase: Phase
    private var failures = 0

    /// A fifth of the lease.
    package var margin: Duration { length / 5 }
    /// Three renewals fit into a lease.
    package var interval: Duration { length / 3 }

    package init(length: Duration, now: Instant) {
        precondition(length > .zero)
        self.length = length
        phase = .none(registerAt: now, isAsking: false)
    }

    /// The incarnation while its lease may be trusted.
    package func trusted(at now: Instant) -> WorkerID? {
        if case .held(let id, let until, _, _) = phase, now < until { id } else { nil }
    }

    /// When `tick` should be asked again at the latest.
    package var next: Instant {
        switch phase {
        case .none(let registerAt, let isAsking): isAsking ? registerAt + length : registerAt
        case .held(_, let until, let renewAt, let isAsking): isAsking ? until : min(until, renewAt)
        }
    }

    package mutating func tick(at now: Instant) -> Action? {
        switch phase {
        case .none(let registerAt, let isAsking):
            // An answer that takes a whole lease is of no use any more: ask anew.
            guard now >= (isAsking ? registerAt + length : registerAt) else { return nil }
            phase = .none(registerAt: now, isAsking: true)
            return .register
        case .held(let id, let until, let renewAt, let isAsking):
            if now >= until {
                phase = .none(registerAt: now, isAsking: false)
                return .end(id)
            }
            guard !isAsking, now >= renewAt else { return nil }
            phase = .held(id, trustedUntil: until, renewAt: renewAt, isAsking: true)
            return .renew(id)
        }
    }

    /// - Parameter sent: when the registration was sent; the lease runs from then.
    /// - Returns: false when this answer came too late: its lease is hardly worth anything, or another one is held.
    package mutating func registered(_ id: WorkerID, sentAt sent: Instant, now: Instant) -> Bool {
        guard case .none = phase else { return false }
        guard now < sent + interval else {
            phase = .none(registerAt: now, isAsking: false)
            return false
        }
        failures = 0
        phase = .held(id, trustedUntil: sent + (length - margin), renewAt: sent + interval, isAsking: false)
        return true
    }

    package mutating func registrationFailed(at now: Instant, using generator: inout some RandomNumberGenerator) {
        guard case .none = phase else { return }
        failures = min(failures + 1, 6)
        let ceiling = min(interval, .seconds(2), .milliseconds(100 << failures))
        phase = .none(registerAt: now + ceiling * Double.random(in: 0.5...1, using: &generator), isAsking: false)
    }

    package mutating func renewed(_ id: WorkerID, sentAt sent: Instant) {
        guard case .held(id, let until, _, _) = phase else { return }
        phase = .held(id, trustedUntil: max(until, sent + (length - margin)), renewAt: sent + interval, isAsking: false)
    }

    /// No answer: ask again soon, several times before trust runs out.
    package mutating func renewalFailed(_ id: WorkerID, at now: Instant) {
        guard case .held(id, let until, _, _) = phase else { return }
        phase = .held(id, trustedUntil: until, renewAt: now + interval / 10, isAsking: false)
    }

    /// The store said that the lease had expired.
    ///
    /// - Returns: true when that ended the current incarnation; false when it had ended already.
    package mutating func refused(_ id: WorkerID, at now: Instant) -> Bool {
        guard case .held(id, _, _, _) = phase else { return false }
        phase = .none(registerAt: now, isAsking: false)
        return true
    }
}
