internal import Synchronization

/// Something that runs on its own, can be cancelled on its own, and whose end one caller awaits, or gives up awaiting.
///
/// A structured group can neither cancel one child nor leave a hung one behind; a worker must do both.
package final class Work<Value: Sendable>: Sendable {
    package enum Ending: Sendable {
        case finished(Result<Value, any Error>)
        /// The one who waits was told to; the body may still run.
        case abandoned
    }

    private struct State {
        var ending: Ending?
        var waiter: CheckedContinuation<Ending, Never>?
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    private let state = Mutex(State())

    package init(_ body: @escaping @Sendable () async throws -> Value) {
        let task = Task { [weak self] in
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            self?.end(.finished(result))
        }
        state.withLock { state in
            state.task = task
            if state.isCancelled { task.cancel() }
        }
    }

    /// Asks the body to stop.
    package func cancel() {
        state.withLock { state in
            state.isCancelled = true
            return state.task
        }?.cancel()
    }

    /// Ends the wait of whoever waits.
    package func abandon() { end(.abandoned) }

    /// Waits for the end. Call once.
    package func ending() async -> Ending {
        await withCheckedContinuation { continuation in
            let ending = state.withLock { state -> Ending? in
                if state.ending == nil { state.waiter = continuation }
                return state.ending
            }
            if let ending { continuation.resume(returning: ending) }
        }
    }

    private func end(_ ending: Ending) {
        let waiter = state.withLock { state -> CheckedContinuation<Ending, Never>? in
            guard state.ending == nil else { return nil }
            state.ending = ending
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: ending)
    }
}
