internal import SluiceCore

/// How long a worker may trust its lease. Counted from when a renewal was *sent*, so a slow answer cannot stretch it, and
/// ending a margin before the lease does, so that a worker stops itself before others take its tasks.
struct LeaseClock: Sendable, Equatable {
    let length: Duration
    private(set) var trustedUntil: Instant

    /// A fifth of the lease.
    var margin: Duration { length / 5 }
    /// Three renewals fit into a lease.
    var interval: Duration { length / 3 }

    init(length: Duration, registeredAt sent: Instant) {
        self.length = length
        trustedUntil = sent + (length - length / 5)
    }

    mutating func renewed(sentAt sent: Instant) { trustedUntil = max(trustedUntil, sent + (length - margin)) }

    func isTrusted(at now: Instant) -> Bool { now < trustedUntil }
}
