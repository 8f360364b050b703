internal import CLinux
internal import Glibc
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
    ///
    /// A handler that writes a byte into a pipe, and a thread that reads it: unlike `sigwait` this does not depend on the
    /// signal masks of threads that the runtime has made already.
    package static func onSignals() -> Shutdown {
        let shutdown = Shutdown()
        let reader = SignalPipe.shared.reader
        for number in [SIGTERM, SIGINT] { signal(number) { _ in SignalPipe.shared.ring() } }
        PinnedThread.detach(name: "signals") {
            var byte: UInt8 = 0
            while true {
                let count = read(reader, &byte, 1)
                if count < 0 && errno == EINTR { continue }
                guard count == 1 else { return }
                shutdown.advance(to: shutdown.phase == .running ? .draining : .stopping)
            }
        }
        return shutdown
    }
}

/// The pipe between signal handlers and the thread that acts on them. Made before the first handler is installed, so that
/// a handler only ever reads two numbers.
private struct SignalPipe: Sendable {
    static let shared = SignalPipe()

    let reader: Int32
    private let writer: Int32

    private init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "the system refused a pipe; raise the limit on open files")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reader, writer) = (ends[0], ends[1])
    }

    /// Safe in a signal handler: `write` is all it calls.
    func ring() {
        let saved = errno
        var byte: UInt8 = 1
        _ = write(writer, &byte, 1)
        errno = saved
    }
}
