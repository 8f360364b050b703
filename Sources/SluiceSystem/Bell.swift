package import SluiceCore
internal import Synchronization

/// Wakes one waiter. A ring while nobody waits is kept, once.
package final class Bell: Sendable {
    private struct State {
        var hasRung = false
        var waiter: CheckedContinuation<Bool, Never>?
        /// Advances with each wait, so that a late time limit cannot end the wait after its own.
        var round = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var isAwaited: Bool { state.withLock { $0.waiter != nil } }

    package func ring() {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard let waiter = state.waiter else {
                state.hasRung = true
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: true)
    }

    /// Waits for a ring, at most `limit`. False when the time passed or the task was cancelled. One waiter at a time.
    package func wait(atMost limit: Duration) async -> Bool {
        var alarm: Alarm?
        defer { alarm?.disarm() }
        return await wait { giveUp in alarm = Alarm(after: limit, giveUp) }
    }

    /// Waits for a ring until `instant`, nil: for as long as it takes, with a timer that does not need the cooperative
    /// pool. False when the time came or the task was cancelled. One waiter at a time.
    package func wait(until instant: Instant?, on thread: LoopThread) async -> Bool {
        var timer: LoopTimer?
        defer { if let timer { thread.disarm(timer) } }
        return await wait { giveUp in
            if let instant { timer = thread.arm(at: instant, giveUp) }
        }
    }

    private func wait(_ arm: (@escaping @Sendable () -> Void) -> Void) async -> Bool {
        let round = state.withLock { state in
            state.round += 1
            return state.round
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state -> Bool? in
                    if state.hasRung {
                        state.hasRung = false
                        return true
                    }
                    if Task.isCancelled { return false }
                    precondition(state.waiter == nil, "a bell has one waiter")
                    state.waiter = continuation
                    return nil
                }
                if let known { return continuation.resume(returning: known) }
                arm { [weak self] in self?.giveUp(round) }
            }
        } onCancel: {
            giveUp(round)
        }
    }

    private func giveUp(_ round: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard state.round == round else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: false)
    }
}
