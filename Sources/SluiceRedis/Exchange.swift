internal import SluiceCore
internal import Synchronization

/// Commands that travel together, and the one caller that waits for their replies.
///
/// Whoever finishes it first decides its outcome: the replies, the loss of the connection, or the caller's cancellation.
final class Exchange: Sendable {
    typealias Outcome = Result<[RedisValue], RedisError>

    let bytes: [UInt8]
    let replyCount: Int
    let deadline: Instant
    let patience: Duration
    private let state = Mutex(State.fresh)

    private enum State {
        case fresh
        case waiting(CheckedContinuation<Outcome, Never>)
        case finished(Outcome)
    }

    init(bytes: [UInt8], replyCount: Int, deadline: Instant, patience: Duration) {
        self.bytes = bytes
        self.replyCount = replyCount
        self.deadline = deadline
        self.patience = patience
    }

    var isFinished: Bool {
        state.withLock { if case .finished = $0 { true } else { false } }
    }

    /// Does nothing when it is finished already.
    func finish(_ outcome: Outcome) {
        let continuation = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            switch state {
            case .fresh:
                state = .finished(outcome)
                return nil
            case .waiting(let continuation):
                state = .finished(outcome)
                return continuation
            case .finished: return nil
            }
        }
        continuation?.resume(returning: outcome)
    }

    /// Waits until it is finished, whether before or after this call. Call once.
    func outcome() async -> Outcome {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock { state -> Outcome? in
                if case .finished(let outcome) = state { return outcome }
                state = .waiting(continuation)
                return nil
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
