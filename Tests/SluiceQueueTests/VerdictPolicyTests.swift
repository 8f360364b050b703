import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("Verdicts")
struct VerdictPolicyTests {
    private struct Unknown: Error { let secret = "secret" }
    private struct Known: TaskFailureConvertible {
        var taskFailure: TaskFailure { TaskFailure(errorClass: "extraction.crashed", message: "the reader crashed") }
    }

    private func verdict(
        _ ending: Result<AttemptOutcome, any Error>?,
        _ reason: StopReason? = nil,
        attempt: Int = 1
    ) -> Settlement.Verdict? {
        var generator = SeededGenerator(seed: 7)
        return VerdictPolicy(retry: Probe.retry)
            .verdict(of: ending, stopped: reason, task: claimed(1, attempt: attempt), using: &generator)
    }

    @Test("what a handler decided is written, also when it was told to stop")
    func outcomes() {
        let failure = TaskFailure(errorClass: "a.b", message: "c")
        for reason in [nil, StopReason.drain, .deadline] {
            #expect(verdict(.success(.completed), reason) == .completed)
            #expect(verdict(.success(.cancelled(reason: "no")), reason) == .cancelled(reason: "no"))
            #expect(verdict(.success(.dead(failure)), reason) == .dead(failure))
            #expect(
                verdict(.success(.snoozed(for: .seconds(3), reason: "429")), reason)
                    == .snoozed(for: .seconds(3), reason: "429")
            )
            #expect(verdict(.success(.settledByHandler), reason) == nil)
        }
    }

    @Test("after a lost lease nothing is written")
    func leaseLost() {
        #expect(verdict(.success(.completed), .leaseLost) == nil)
        #expect(verdict(.failure(Unknown()), .leaseLost) == nil)
        #expect(verdict(nil, .leaseLost) == nil)
        #expect(verdict(.failure(StaleLease(fence(1)))) == nil)
        #expect(verdict(.failure(StaleLease(fence(1))), .drain) == nil)
    }

    @Test("an error retries within the policy's bounds, and is dead after the last attempt", arguments: [1, 2, 3])
    func errors(attempt: Int) throws {
        let result = try #require(verdict(.failure(Known()), attempt: attempt))
        switch result {
        case .retry(let delay, let failure):
            #expect(attempt < 3)
            #expect(delay >= Probe.retry.floor && delay <= Probe.retry.ceiling(afterAttempt: attempt))
            #expect(failure.errorClass == "extraction.crashed")
        case .dead(let failure):
            #expect(attempt == 3)
            #expect(failure.errorClass == "extraction.crashed")
        default: Issue.record("\(result)")
        }
    }

    @Test("a drain releases, whatever the handler threw")
    func drain() {
        for ending: Result<AttemptOutcome, any Error>? in [.failure(CancellationError()), .failure(Unknown()), nil] {
            guard case .released(let delay, _) = verdict(ending, .drain, attempt: 3) else {
                Issue.record("not released")
                continue
            }
            #expect(delay == .zero)
        }
    }

    @Test("a deadline counts the attempt with a class of its own")
    func deadline() {
        for ending: Result<AttemptOutcome, any Error>? in [.failure(CancellationError()), nil] {
            guard case .retry(_, let failure) = verdict(ending, .deadline) else {
                Issue.record("not retried")
                continue
            }
            #expect(failure.errorClass == "deadline.exceeded")
        }
        guard case .dead(let failure) = verdict(nil, .deadline, attempt: 3) else {
            Issue.record("not dead")
            return
        }
        #expect(failure.errorClass == "deadline.exceeded")
    }

    @Test("unknown errors leave no text behind")
    func unknownErrors() {
        let failure = VerdictPolicy.failure(of: Unknown())
        #expect(failure.errorClass == "handler.failed")
        #expect(!failure.message.contains("secret"))
        #expect(VerdictPolicy.failure(of: CancellationError()).errorClass == "attempt.cancelled")
        #expect(VerdictPolicy.failure(of: ServerFault()).errorClass == "server.transient")
        #expect(VerdictPolicy.failure(of: ServerFault(isTransient: false)).errorClass == "server.failed")
    }
}
