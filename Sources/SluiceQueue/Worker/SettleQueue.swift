package import SluiceCore

/// Which verdicts to write when: at once when it was quiet, else whatever gathered within `linger` or during the flushes
/// under way; commits a second are the ceiling of a queue.
///
/// A pure value. Verdicts wait here in the order in which they came; a flush that failed for a while comes again later, one
/// that can never succeed is split until the one verdict that poisons it stands alone.
package struct SettleQueue: Sendable {
    package struct Flush: Sendable {
        package let worker: WorkerID
        package let settlements: [Settlement]
        /// Failures so far, of this or of what it was split from.
        package fileprivate(set) var failures = 0
    }

    package enum Step: Sendable {
        case flush(Flush)
        /// Nothing to do until then, or, nil, until something happens.
        case wait(until: Instant?)
    }

    package let batchLimit: Int
    package let linger: Duration
    package let capacity: Int
    private static let flushesAtOnce = 2

    private var worker: WorkerID?
    private var pending: [Settlement] = []
    private var oldestAt: Instant?
    private var again: [(flush: Flush, notBefore: Instant)] = []
    private var flying = 0
    private var flyingCount = 0
    private var lastBegan: Instant?
    private var isFull = false

    package init(batchLimit: Int = 500, linger: Duration = .milliseconds(3), capacity: Int = 4_096) {
        precondition(batchLimit > 0 && capacity >= batchLimit)
        self.batchLimit = batchLimit
        self.linger = linger
        self.capacity = capacity
    }

    /// Verdicts not yet written.
    package var backlog: Int { pending.count + flyingCount + again.reduce(0) { $0 + $1.flush.settlements.count } }
    package var isEmpty: Bool { backlog == 0 }

    /// False from when the backlog is full until it is half empty: claim nothing meanwhile.
    package mutating func accepts() -> Bool {
        isFull = isFull ? backlog > capacity / 2 : backlog >= capacity
        return !isFull
    }

    /// Verdicts are taken from this incarnation from now on; what the former left must have been abandoned.
    package mutating func begin(_ worker: WorkerID) {
        precondition(pending.isEmpty && again.isEmpty, "verdicts of one incarnation cannot pass to the next")
        self.worker = worker
    }

    /// Drops verdicts of an incarnation that has ended.
    ///
    /// - Returns: true when the one who flushes must look again now.
    package mutating func append(_ settlement: Settlement, by worker: WorkerID, at now: Instant) -> Bool {
        guard worker == self.worker else { return false }
        if pending.isEmpty { oldestAt = now }
        pending.append(settlement)
        return pending.count == 1 ? flying == 0 : pending.count == batchLimit
    }

    /// - Parameter isDraining: no more will come soon: do not linger.
    package mutating func next(at now: Instant, isDraining: Bool) -> Step {
        guard flying < Self.flushesAtOnce else { return .wait(until: nil) }
        if let index = again.firstIndex(where: { $0.notBefore <= now }) {
            return begin(again.remove(at: index).flush, now)
        }
        let retryAt = again.map(\.notBefore).min()
        guard let worker, let oldestAt, !pending.isEmpty else { return .wait(until: retryAt) }
        if pending.count < batchLimit {
            // With one under way, what gathers until it ends goes into the next.
            if flying > 0 { return .wait(until: retryAt) }
            let wasQuiet = lastBegan.map { now - $0 >= linger * 2 } ?? true
            let due = oldestAt + linger
            if !isDraining && !wasQuiet && now < due { return .wait(until: min(due, retryAt ?? due)) }
        }
        let count = min(batchLimit, pending.count)
        let flush = Flush(worker: worker, settlements: Array(pending.prefix(count)))
        pending.removeFirst(count)
        self.oldestAt = pending.isEmpty ? nil : now
        return begin(flush, now)
    }

    package mutating func succeeded(_ flush: Flush) { ended(flush) }

    /// The store may take it later.
    package mutating func failedForNow(
        _ flush: Flush,
        at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) {
        ended(flush)
        guard flush.worker == worker else { return }
        var flush = flush
        flush.failures += 1
        let ceiling = min(1_000, 20 << min(flush.failures, 6))
        again.append((flush, now + .milliseconds(Int.random(in: ceiling / 4...ceiling, using: &generator))))
    }

    /// The store will never take it as it is.
    ///
    /// - Returns: the verdict that poisons it, when it stands alone; it is no longer queued.
    package mutating func failedForGood(_ flush: Flush, at now: Instant) -> Settlement? {
        ended(flush)
        guard flush.settlements.count > 1 else { return flush.settlements.first }
        guard flush.worker == worker else { return nil }
        let middle = flush.settlements.count / 2
        for half in [flush.settlements[..<middle], flush.settlements[middle...]] {
            again.append((Flush(worker: flush.worker, settlements: Array(half), failures: flush.failures), now))
        }
        return nil
    }

    /// The lease under which these were claimed has ended: nothing may be written any more.
    ///
    /// - Returns: the verdicts given up, without those under way.
    package mutating func abandon() -> [Settlement] {
        defer {
            pending.removeAll()
            again.removeAll()
            oldestAt = nil
            worker = nil
        }
        return pending + again.flatMap(\.flush.settlements)
    }

    private mutating func begin(_ flush: Flush, _ now: Instant) -> Step {
        flying += 1
        flyingCount += flush.settlements.count
        lastBegan = now
        return .flush(flush)
    }

    private mutating func ended(_ flush: Flush) {
        flying -= 1
        flyingCount -= flush.settlements.count
    }
}
