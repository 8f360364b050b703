package import SluiceCore

/// What a worker holds: every claim from the moment it was granted until its verdict is written or refused, and which of
/// them must be stopped.
///
/// A pure value: no clock, no I/O, no locks. Claims of an incarnation that has ended are never accepted, so no task is
/// held under two leases.
package struct HoldTable<Attempt: Sendable>: Sendable {
    private enum Phase {
        /// Claimed, not begun.
        case ready
        case running(Attempt, clocks: AttemptClocks)
        /// Ended; its verdict is on the way.
        case settling
    }

    private struct Hold {
        var phase: Phase
        var reason: StopReason?
        var stoppedAt: Instant?
    }

    /// What to do with the result of a handler that ended.
    package enum Finish: Equatable {
        /// Write a verdict as this incarnation.
        case settle(WorkerID, StopReason?)
        /// The lease was lost, or the attempt was given up before: write nothing.
        case discard
    }

    private var holds: [Fence: Hold] = [:]
    /// Stopped attempts whose claim was lost, until they end or are given up.
    private var orphans: [Fence: (attempt: Attempt, stoppedAt: Instant)] = [:]
    /// Nil while no lease is held.
    package private(set) var incarnation: WorkerID?

    package init() {}

    /// Claims that the store should know as this worker's.
    package var fences: [Fence] { Array(holds.keys) }
    package var count: Int { holds.count }
    /// True when nothing is held and no handler runs on after it was stopped.
    package var isQuiet: Bool { holds.isEmpty && orphans.isEmpty }
    package var runningCount: Int {
        holds.values.reduce(0) { count, hold in
            if case .running = hold.phase { count + 1 } else { count }
        }
    }

    /// Everything held before must have been lost.
    package mutating func begin(_ worker: WorkerID) {
        precondition(holds.isEmpty, "claims of one incarnation cannot pass to the next")
        incarnation = worker
    }

    /// - Returns: false when these were granted to an incarnation that has ended meanwhile: forget them.
    package mutating func claimed(_ fences: [Fence], by worker: WorkerID) -> Bool {
        guard worker == incarnation else { return false }
        for fence in fences { holds[fence] = Hold(phase: .ready) }
        return true
    }

    /// - Returns: false when the claim was lost while it waited: do not start it.
    package mutating func start(
        _ fence: Fence,
        _ attempt: Attempt,
        deadline: Instant,
        stallLimit: Duration? = nil
    ) -> Bool {
        guard case .ready? = holds[fence]?.phase else { return false }
        holds[fence]?.phase = .running(attempt, clocks: AttemptClocks(deadline: deadline, stallLimit: stallLimit))
        return true
    }

    /// A handler ended, or its attempt is given up, or a claim is given back unbegun. At most one call gets `.settle`.
    package mutating func finish(_ fence: Fence) -> Finish {
        orphans[fence] = nil
        guard let hold = holds[fence], let incarnation else { return .discard }
        if case .settling = hold.phase { return .discard }
        holds[fence]?.phase = .settling
        return .settle(incarnation, hold.reason)
    }

    /// Nothing more will be written for this claim.
    package mutating func remove(_ fence: Fence) { holds[fence] = nil }

    /// Claims that the store no longer knows as this worker's. Those whose verdict is on the way are left to it.
    ///
    /// - Returns: attempts to stop.
    package mutating func lose(_ fences: Set<Fence>, at now: Instant) -> [Attempt] {
        fences.compactMap { fence in
            switch holds[fence]?.phase {
            case .running(let attempt, _):
                holds[fence] = nil
                orphans[fence] = (attempt, now)
                return attempt
            case .ready:
                holds[fence] = nil
                return nil
            case .settling, nil: return nil
            }
        }
    }

    /// The lease ended, and with it every claim and the incarnation.
    ///
    /// - Returns: attempts to stop.
    package mutating func loseAll(at now: Instant) -> [Attempt] {
        var stopped: [Attempt] = []
        for (fence, hold) in holds {
            guard case .running(let attempt, _) = hold.phase else { continue }
            stopped.append(attempt)
            orphans[fence] = (attempt, now)
        }
        holds.removeAll()
        incarnation = nil
        return stopped
    }

    /// - Returns: attempts to stop, that were not stopped before.
    package mutating func stopAll(_ reason: StopReason, at now: Instant) -> [Attempt] {
        var stopped: [Attempt] = []
        for (fence, hold) in holds {
            guard case .running(let attempt, _) = hold.phase, hold.reason == nil else { continue }
            holds[fence]?.reason = reason
            holds[fence]?.stoppedAt = now
            stopped.append(attempt)
        }
        return stopped
    }

    /// The handler said how far it is.
    package mutating func progressed(_ fence: Fence, at now: Instant) {
        guard case .running(let attempt, var clocks)? = holds[fence]?.phase else { return }
        clocks.progressed(at: now)
        holds[fence]?.phase = .running(attempt, clocks: clocks)
    }

    /// These are to be cancelled, for the reasons given. Claims not begun and attempts stopped before are left as they are:
    /// the order comes again, or the end is near.
    ///
    /// - Returns: attempts to stop.
    package mutating func cancel(_ reasons: [Fence: String], at now: Instant) -> [Attempt] {
        var stopped: [Attempt] = []
        for (fence, reason) in reasons {
            guard case .running(let attempt, _)? = holds[fence]?.phase, holds[fence]?.reason == nil else { continue }
            holds[fence]?.reason = .cancelled(reason)
            holds[fence]?.stoppedAt = now
            stopped.append(attempt)
        }
        return stopped
    }

    /// Attempts that run, with the reason for which each was told to stop, for a look inside.
    package var running: [(attempt: Attempt, reason: StopReason?)] {
        holds.values.compactMap { hold in
            if case .running(let attempt, _) = hold.phase { (attempt, hold.reason) } else { nil }
        }
    }

    /// - Parameter grace: how long a stopped handler may take to end.
    /// - Returns: attempts whose time is up, to be stopped; and stopped ones that did not end, to be given up.
    package mutating func enforceDeadlines(at now: Instant, grace: Duration) -> (due: [Attempt], hung: [Attempt]) {
        var due: [Attempt] = []
        var hung: [Attempt] = []
        for (fence, hold) in holds {
            guard case .running(let attempt, let clocks) = hold.phase else { continue }
            if let stoppedAt = hold.stoppedAt {
                if now - stoppedAt >= grace { hung.append(attempt) }
            } else if let reason = clocks.overrun(at: now) {
                holds[fence]?.reason = reason
                holds[fence]?.stoppedAt = now
                due.append(attempt)
            }
        }
        for (fence, orphan) in orphans where now - orphan.stoppedAt >= grace {
            orphans[fence] = nil
            hung.append(orphan.attempt)
        }
        return (due, hung)
    }
}
