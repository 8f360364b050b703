package import SluiceCore

/// One queue's share of a worker: tasks claimed and not begun, attempts that run, and how many tasks to claim next.
///
/// Tasks that take a millisecond would leave the slots idle during each claim, so such tasks are claimed ahead: as many as
/// end within `lookahead` at the pace measured, at most `claimLimit`. Tasks that take longer are never claimed ahead.
package struct LaneState: Sendable {
    /// Claims in one statement.
    package static let claimLimit = 500
    /// Attempts that must have ended before their pace is believed.
    private static let samplesNeeded = 16

    package let concurrency: Int
    package let lookahead: Duration
    package private(set) var running = 0
    private var waiting: [ClaimedTask] = []
    private var firstWaiting = 0
    private var waitingSince: Instant?
    private var meanSeconds = 0.0
    private var samples = 0
    /// True while the claim loop found no room: whoever makes some rings.
    private var isStarved = false

    package init(concurrency: Int, lookahead: Duration) {
        precondition(concurrency > 0)
        self.concurrency = concurrency
        self.lookahead = lookahead
    }

    package var ready: Int { waiting.count - firstWaiting }

    /// How many tasks are to be claimed ahead of free slots.
    package var ahead: Int {
        guard samples >= Self.samplesNeeded, lookahead > .zero else { return 0 }
        let ended = Double(concurrency) * lookahead.inSeconds / max(meanSeconds, 1e-6)
        return ended < 1 ? 0 : Int(min(ended, Double(Self.claimLimit)))
    }

    /// How many tasks to claim now; 0: none, and `ended` will tell when to ask again.
    package mutating func room() -> Int {
        let free = concurrency + ahead - running - ready
        // While tasks are ready, wait for a good batch; with idle slots, take what there is room for.
        let isWorthwhile = ready == 0 ? free > 0 : free >= max(1, (concurrency + ahead) / 2)
        isStarved = !isWorthwhile
        return isWorthwhile ? min(free, Self.claimLimit) : 0
    }

    package mutating func claimed(_ tasks: [ClaimedTask], at now: Instant) {
        if ready == 0 { waitingSince = now }
        waiting.append(contentsOf: tasks)
    }

    /// The next task to start when a slot is free.
    package mutating func take(at now: Instant) -> ClaimedTask? {
        guard running < concurrency, ready > 0 else { return nil }
        let task = waiting[firstWaiting]
        firstWaiting += 1
        compact()
        waitingSince = ready == 0 ? nil : now
        running += 1
        return task
    }

    /// A slot is free again.
    ///
    /// - Parameter duration: nil when it says nothing about the pace.
    /// - Returns: true when the claim loop waits and there is room now.
    package mutating func ended(after duration: Duration?) -> Bool {
        running -= 1
        if let duration {
            samples = min(samples + 1, 1_000_000)
            let weight = max(1.0 / 64, 1.0 / Double(samples))
            meanSeconds += (duration.inSeconds - meanSeconds) * weight
        }
        guard isStarved else { return false }
        return room() > 0
    }

    /// Takes out everything that waits.
    package mutating func drain() -> [ClaimedTask] {
        defer {
            waiting.removeAll()
            firstWaiting = 0
            waitingSince = nil
        }
        return Array(waiting[firstWaiting...])
    }

    /// Takes out what waits when the slots were busy for longer than `limit`: the pace was misjudged, other workers may be
    /// idle. Nothing is claimed ahead until it has been measured anew.
    package mutating func drainStuck(at now: Instant, limit: Duration) -> [ClaimedTask] {
        guard let waitingSince, now - waitingSince >= limit else { return [] }
        samples = 0
        meanSeconds = 0
        return drain()
    }

    private mutating func compact() {
        guard firstWaiting > 256, firstWaiting * 2 > waiting.count else { return }
        waiting.removeFirst(firstWaiting)
        firstWaiting = 0
    }
}
