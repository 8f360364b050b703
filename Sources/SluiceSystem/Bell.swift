internal import Synchronization

/// Wakes one waiter. A ring while nobody waits is kept, once.
package final class Bell: Sendable {
    private struct State {
        var hasRung = false
        var waiter: CheckedContinuation<Bool, Never>?
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
                alarm = Alarm(after: limit) { [weak self] in self?.giveUp() }
            }
        } onCancel: {
            giveUp()
        }
    }

    private func giveUp() {
        let waiter = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: false)
    }
}
