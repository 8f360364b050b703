internal import SluiceCore

/// How many ids of a queue to push: keeps a bounded window of hints in front of the workers.
///
/// The window gives backpressure and immediate effect to pauses and priorities, and makes a wiped Redis whole again in one
/// round: what matters is only how much is in it now.
struct RelayPlan: Equatable {
    /// Ids that the window should hold, 64...4,096: a few for each slot of the fleet.
    let target: Int
    /// Ids to push now; 0 while the window is at least half full.
    let wanted: Int
    /// True when the window must be emptied: the queue is paused.
    let clears: Bool

    init(queue: QueueState, inWindow: Int) {
        target = Self.target(slots: queue.slots)
        clears = queue.isPaused && inWindow > 0
        let room = queue.maxRunning.map { max(0, $0 - queue.running - inWindow) } ?? Int.max
        wanted = queue.isPaused || inWindow > target / 2 ? 0 : min(target - inWindow, room)
    }

    static func target(slots: Int) -> Int { min(4_096, max(64, slots * 4)) }
}
