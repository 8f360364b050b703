internal import Synchronization

/// Tells a process's services when to end: first to drain, then, on a second signal, at once.
package final class Shutdown: Sendable {
    package enum Phase: Int, Sendable, Comparable {
        case running, draining, stopping

        package static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
    }

    private struct State {
        var phase = Phase.running
        var nextWaiter = 0
        var waiters: [Int: (phase: Phase, continuation: CheckedContinuation<Void, Never>)] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var phase: Phase { state.withLock { $0.phase } }
    package var isRunning: Bool { phase == .running }

    /// Moves on to this phase; never back.
    package func advance(to phase: Phase) {
        let reached = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard phase > state.phase else { return [] }
            state.phase = phase
            let due = state.waiters.filter { $0.value.phase <= phase }
            for number in due.keys { state.waiters[number] = nil }
            return due.map(\.value.continuation)
        }
        for continuation in reached { continuation.resume() }
    }

    /// Waits until this phase is reached, or until the calling task is cancelled.
    package func wait(for phase: Phase) async {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state -> Bool in
                    if state.phase >= phase || Task.isCancelled { return true }
                    state.waiters[number] = (phase, continuation)
                    return false
                }
                if isDue { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume()
        }
    }

    /// Sleeps, but not past the beginning of the drain. False when the drain has begun or the task was cancelled.
    package func sleep(for duration: Duration) async -> Bool {
        guard isRunning else { return false }
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        var alarm: Alarm?
        defer { alarm?.disarm() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state -> Bool in
                    if state.phase >= .draining || Task.isCancelled { return true }
                    state.waiters[number] = (.draining, continuation)
                    return false
                }
                if isDue { return continuation.resume() }
                alarm = Alarm(after: duration) { [self] in
                    state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume()
                }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume()
        }
        return isRunning && !Task.isCancelled
    }

    /// Makes SIGTERM and SIGINT drain, and a second one stop.
    package static func onSignals() -> Shutdown {
        let shutdown = Shutdown()
        Signals.on(Signals.terminate) { shutdown.advance(to: shutdown.phase == .running ? .draining : .stopping) }
        return shutdown
    }
}
