package import SluiceCore

/// How many ids of one queue to push, and which not again: keeps a bounded window of hints in front of the workers.
///
/// The window gives backpressure and immediate effect to pauses and priorities, and makes a wiped Redis whole again within
/// a moment: what counts is what is in it now. Remembered is only what was pushed within `transit`, since a task that was
/// fetched but is not claimed yet still looks available. A hint that was lost is therefore replaced after that time.
///
/// A pure value.
package struct RelayWindow: Sendable {
    package struct Plan: Equatable, Sendable {
        /// Ids that the window should hold, 64...4,096.
        package let target: Int
        /// Ids to push now; 0 while the window is more than half full.
        package let wanted: Int
        /// True when the window must be emptied: the queue is paused.
        package let clears: Bool
    }

    package static let smallest = 64
    package static let largest = 4_096
    package static let transit = Duration.milliseconds(200)

    private var recent: [TaskID: Instant] = [:]

    package init() {}

    /// - Parameter inWindow: ids that the window holds now.
    package mutating func plan(for queue: QueueState, inWindow: Int, at now: Instant) -> Plan {
        recent = recent.filter { now - $0.value < Self.transit }
        // A few ids for each slot; more when workers empty it faster than that.
        let emptied = max(0, recent.count - inWindow)
        let target = min(Self.largest, max(Self.smallest, queue.slots * 4, emptied * 2))
        let room = queue.maxRunning.map { max(0, $0 - queue.running - inWindow) } ?? Int.max
        return Plan(
            target: target,
            wanted: queue.isPaused || inWindow > target / 2 ? 0 : min(target - inWindow, room),
            clears: queue.isPaused && inWindow > 0
        )
    }

    /// How many candidates to ask for, so that `wanted` are left when those under way are taken out.
    package func ask(for wanted: Int) -> Int { wanted + min(recent.count, 512) }

    /// Candidates that are not under way, in their order, at most `wanted`.
    package func choose(_ candidates: [TaskID], wanted: Int) -> [TaskID] {
        recent.isEmpty
            ? Array(candidates.prefix(wanted)) : Array(candidates.lazy.filter { recent[$0] == nil }.prefix(wanted))
    }

    package mutating func pushed(_ ids: some Sequence<TaskID>, at now: Instant) { for id in ids { recent[id] = now } }

    /// These are available again, or were never claimed: hint at them at once.
    package mutating func forget(_ ids: some Sequence<TaskID>) { for id in ids { recent[id] = nil } }
}
