internal import Synchronization

/// How many things may run at once. One consumer waits for free slots; any task gives them back.
package final class Slots: Sendable {
    private struct State {
        var free: Int
        var waiter: CheckedContinuation<Void, Never>?
    }

    package let count: Int
    private let state: Mutex<State>

    package init(_ count: Int) {
        precondition(count > 0)
        self.count = count
        state = Mutex(State(free: count))
    }

    package var busy: Int { count - state.withLock { $0.free } }

    /// The number of free slots, at least 1: waits until there is one. Returns 0 when the calling task was cancelled or
    /// `wake` was called.
    package func waitForFree() async -> Int {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state -> Bool in
                    if state.free > 0 || Task.isCancelled { return true }
                    precondition(state.waiter == nil, "slots have one consumer")
                    state.waiter = continuation
                    return false
                }
                if isFree { continuation.resume() }
            }
        } onCancel: {
            wake()
        }
        return state.withLock { $0.free }
    }

    package func take() { state.withLock { $0.free -= 1 } }

    package func release() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.free += 1
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Ends a wait for free slots without giving one.
    package func wake() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
