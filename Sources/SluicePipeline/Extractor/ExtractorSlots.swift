internal import Synchronization

/// Who may use which child: free places are given out in the order of asking, the one used last first because it is
/// warm.
final class ExtractorSlots: Sendable {
    private struct State {
        var free: [Int]
        var waiting: [(ticket: UInt64, continuation: CheckedContinuation<Int?, Never>)] = []
        var cancelledBeforeWaiting: Set<UInt64> = []
        var nextTicket: UInt64 = 0
        var isClosed = false
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: Array((0..<count).reversed()))) }

    /// A place of the caller's own until `release`; nil when the task is cancelled or the slots are closed.
    func acquire() async -> Int? {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Int?? = state.withLock { state in
                    if state.isClosed || state.cancelledBeforeWaiting.remove(ticket) != nil { return .some(nil) }
                    if let slot = state.free.popLast() { return slot }
                    state.waiting.append((ticket, continuation))
                    return .none
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            cancel(ticket)
        }
    }

    func release(_ slot: Int) {
        let next = state.withLock { state -> CheckedContinuation<Int?, Never>? in
            if state.waiting.isEmpty {
                state.free.append(slot)
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: slot)
    }

    /// Everyone who waits, and everyone who comes later, gets nil.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.continuation.resume(returning: nil) }
    }

    private func cancel(_ ticket: UInt64) {
        let waiter = state.withLock { state -> CheckedContinuation<Int?, Never>? in
            guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else {
                state.cancelledBeforeWaiting.insert(ticket)
                return nil
            }
            return state.waiting.remove(at: index).continuation
        }
        waiter?.resume(returning: nil)
    }
}
