internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// The attempts that run in this worker, and why some of them were stopped.
final class Attempts: Sendable {
    private struct Entry {
        let fence: Fence
        let deadline: Instant
        let work: Work<AttemptOutcome>
        var reason: StopReason?
        var stoppedAt: Instant?
        var isSettling = false
    }

    private let entries = Mutex<[TaskID: Entry]>([:])
    /// How long a stopped handler may take to end before its slot is given on without it.
    static let grace = Duration.seconds(10)

    var count: Int { entries.withLock { $0.count } }
    var fences: [Fence] { entries.withLock { $0.values.map(\.fence) } }

    func add(_ task: ClaimedTask, _ work: Work<AttemptOutcome>) {
        let entry = Entry(fence: task.fence, deadline: .now + task.timeout, work: work)
        entries.withLock { $0[task.id] = entry }
    }

    /// Why the attempt was stopped; nil when it was not.
    func reason(of fence: Fence) -> StopReason? {
        entries.withLock { entries in
            guard let entry = entries[fence.task], entry.fence == fence else { return .leaseLost }
            // From here on its verdict is on the way: a renewal that no longer finds it must not call it lost.
            entries[fence.task]?.isSettling = true
            return entry.reason
        }
    }

    func remove(_ fence: Fence) {
        entries.withLock { entries in if entries[fence.task]?.fence == fence { entries[fence.task] = nil } }
    }

    /// Stops attempts whose claim the store no longer knows, except those that are just being settled.
    func stopUnlessSettling(_ fences: Set<Fence>) {
        stop(fences.filter { fence in entries.withLock { $0[fence.task]?.isSettling == false } }, .leaseLost)
    }

    func stop(_ fences: Set<Fence>, _ reason: StopReason) { stop(reason) { fences.contains($0) } }

    func stopAll(_ reason: StopReason) { stop(reason) { _ in true } }

    private func stop(_ reason: StopReason, where matches: (Fence) -> Bool) {
        let works = entries.withLock { entries in
            var works: [Work<AttemptOutcome>] = []
            for (id, entry) in entries where matches(entry.fence) {
                // A lost lease overrides every other reason: nothing may be written any more.
                if entry.reason != nil && reason != .leaseLost { continue }
                entries[id]?.reason = reason
                entries[id]?.stoppedAt = entry.stoppedAt ?? .now
                works.append(entry.work)
            }
            return works
        }
        for work in works { work.cancel() }
    }

    /// Stops attempts whose time is up and gives up those that do not end. Returns the latter.
    func enforceDeadlines(at now: Instant) -> [Fence] {
        let (due, hung) = entries.withLock { entries in
            var due: [Work<AttemptOutcome>] = []
            var hung: [(Fence, Work<AttemptOutcome>)] = []
            for (id, entry) in entries {
                if let stopped = entry.stoppedAt {
                    if now - stopped > Self.grace { hung.append((entry.fence, entry.work)) }
                } else if entry.deadline <= now {
                    entries[id]?.reason = .deadline
                    entries[id]?.stoppedAt = now
                    due.append(entry.work)
                }
            }
            return (due, hung)
        }
        for work in due { work.cancel() }
        for (_, work) in hung { work.abandon() }
        return hung.map(\.0)
    }
}
