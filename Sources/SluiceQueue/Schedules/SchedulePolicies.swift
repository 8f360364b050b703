/// What becomes of fires for which no coordinator was there. A fire is missed when it is later than `FirePlan.grace`.
package enum CatchUpPolicy: String, CaseIterable, Sendable {
    /// Missed fires never run.
    case skip
    /// The last missed fire runs, unless a later one is on time.
    case latest
    /// All missed fires run, the newest so many.
    case all
}

/// What becomes of a fire while the task of an earlier fire, trigger or backfill of the schedule is live.
package enum OverlapPolicy: String, CaseIterable, Sendable {
    /// It runs as well.
    case allow
    /// It is skipped.
    case skip
    /// One fire waits until all earlier tasks have settled; what comes while one waits is skipped.
    case queueOne = "queue_one"
}

/// Whether fires may run beside what runs already: asked for one fire after another, in order. A pure value.
package struct OverlapState: Equatable, Sendable {
    package enum Admission: Equatable, Sendable {
        case enqueue, wait
        case skip(reason: String)
    }

    package let policy: OverlapPolicy
    /// Whether a task of the schedule is live.
    package private(set) var hasLive: Bool
    /// The fire that waits.
    package private(set) var waiting: UnixTime?

    package init(policy: OverlapPolicy, hasLive: Bool, waiting: UnixTime?) {
        self.policy = policy
        self.hasLive = hasLive
        self.waiting = waiting
    }

    package mutating func admit(_ fire: UnixTime) -> Admission {
        switch policy {
        case .allow: return .enqueue
        case .skip:
            if hasLive { return .skip(reason: "overlap: the task of an earlier fire was still live") }
        case .queueOne:
            if let waiting { return .skip(reason: "overlap: the fire of \(waiting) was waiting already") }
            if hasLive {
                waiting = fire
                return .wait
            }
        }
        hasLive = true
        return .enqueue
    }
}
