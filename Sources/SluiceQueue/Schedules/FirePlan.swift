/// What to do about a schedule that is due: which fires run, which were missed and do not, and when it is due next.
///
/// A pure value, from the database's time alone.
package struct FirePlan: Equatable, Sendable {
    /// Fires that do not run any more, counted up to a thousand.
    package struct Missed: Equatable, Sendable {
        package let first: UnixTime
        package let count: Int

        package init(first: UnixTime, count: Int) {
            self.first = first
            self.count = count
        }
    }

    /// Oldest first.
    package let fires: [UnixTime]
    package let missed: Missed?
    /// Nil: never again.
    package let next: UnixTime?

    /// Seconds for which a fire is not missed: as long as a standby takes to lead, and a deploy to be done, several times.
    package static let grace: Int64 = 60
    private static let countedMissed = 1_000

    /// - Parameters:
    ///   - due: the first fire that has not been dealt with, not after `now`.
    ///   - limit: how many missed fires run with `all`.
    package init(_ times: FireTimes, due: UnixTime, now: UnixTime, catchUp: CatchUpPolicy, limit: Int) {
        let punctualFrom = max(due, now - Self.grace)
        let punctual = times.fires(from: punctualFrom, to: now, limit: .max)
        let lastMissed = punctualFrom - 1
        let caughtUp: [UnixTime] =
            if due > lastMissed {
                []
            } else {
                switch catchUp {
                case .skip: []
                case .latest: punctual.isEmpty ? times.lastFires(1, from: due, to: lastMissed) : []
                case .all: times.lastFires(limit, from: due, to: lastMissed)
                }
            }
        fires = caughtUp + punctual
        // The oldest are left out, or all of them.
        let leftOut = times.fires(
            from: due,
            to: (caughtUp.first ?? punctualFrom) - 1,
            limit: Self.countedMissed
        )
        missed = leftOut.first.map { Missed(first: $0, count: leftOut.count) }
        next = times.next(after: now)
    }
}

extension FirePlan.Missed {
    /// For the history: how many, and which.
    package var reason: String {
        let number = count >= 1_000 ? "1000 or more fires" : count == 1 ? "a fire" : "\(count) fires"
        return "missed: \(number) from \(first) on, while no coordinator led"
    }
}
