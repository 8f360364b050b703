import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("Rules of retrying")
struct RetryRulesTests {
    private static let all: [RetryRules.Action] = [
        .retry(nil), .retry(Backoff(base: .seconds(7), cap: .seconds(9), floor: .seconds(7))),
        .snooze(atLeast: .seconds(3), atMost: .seconds(4)), .bury, .quarantine, .discard, .cancel,
    ]

    private func verdict(_ action: RetryRules.Action, attempt: Int, stopped: StopReason? = nil) -> Settlement.Verdict? {
        var generator = SeededGenerator(seed: 3)
        return VerdictPolicy(retry: Probe.retry, rules: RetryRules([.init("x", action)])).verdict(
            of: .failure(TaskFailure(errorClass: "x.y", message: "z")),
            stopped: stopped,
            task: claimed(1, attempt: attempt),
            using: &generator
        )
    }

    @Test("a prefix fits whole parts of a class; the first rule decides; without one the kind's policy does")
    func prefixes() {
        let rules = RetryRules([
            .init("provider.busy", .cancel), .init("provider", .bury), .init("provider.gone", .discard),
        ])
        #expect(rules.action(for: "provider.busy") == .cancel)
        #expect(rules.action(for: "provider.busy.now") == .cancel)
        #expect(rules.action(for: "provider.gone") == .bury, "an earlier rule decides")
        #expect(rules.action(for: "provider") == .bury)
        #expect(rules.action(for: "providers.busy") == .retry(nil))
        #expect(rules.action(for: "") == .retry(nil))
        #expect(RetryRules([.init("", .cancel)]).action(for: "any.thing") == .cancel)
        #expect(rules.before(RetryRules([.init("a", .cancel)])).action(for: "a.b") == .cancel)
    }

    @Test("what each action writes, on an early and on the last attempt", arguments: all)
    func actions(action: RetryRules.Action) throws {
        let failure = TaskFailure(errorClass: "x.y", message: "z")
        for attempt in 1...3 {
            let result = try #require(verdict(action, attempt: attempt))
            switch (action, result) {
            case (.retry(let special), .retry(let delay, failure)):
                #expect(attempt < 3)
                let backoff = special ?? Probe.retry.backoff
                #expect(delay >= backoff.floor && delay <= backoff.ceiling(afterAttempt: attempt))
            case (.retry, .dead(failure)): #expect(attempt == 3)
            case (.snooze, .snoozed(let delay, let reason)):
                #expect(delay >= .seconds(3) && delay <= .seconds(4) && reason == "x.y: z")
            case (.bury, .dead(failure)), (.quarantine, .quarantined(failure)), (.discard, .discarded(failure)): break
            case (.cancel, .cancelled("x.y: z")): break
            default: Issue.record("\(action) wrote \(result)")
            }
        }
    }

    @Test("a drain releases and an operator cancels, whatever the rules say", arguments: all)
    func stops(action: RetryRules.Action) {
        guard case .released = verdict(action, attempt: 1, stopped: .drain) else {
            Issue.record("not released")
            return
        }
        #expect(verdict(action, attempt: 1, stopped: .cancelled("no")) == .cancelled(reason: "no"))
        #expect(verdict(action, attempt: 1, stopped: .leaseLost) == nil)
    }

    @Test("a stall and a deadline go through the rules with classes of their own")
    func clocks() {
        var generator = SeededGenerator(seed: 3)
        let rules = RetryRules([.init("progress.stalled", .discard), .init("deadline", .quarantine)])
        let policy = VerdictPolicy(retry: Probe.retry, rules: rules)
        let stalled = policy.verdict(of: nil, stopped: .stalled(.seconds(5)), task: claimed(1), using: &generator)
        #expect(stalled == .discarded(.stalled(for: .seconds(5))))
        let late = policy.verdict(of: nil, stopped: .deadline, task: claimed(1), using: &generator)
        #expect(late == .quarantined(.deadlineExceeded(after: .seconds(60))))
    }

    @Test("our own rules: a busy provider uses no attempt")
    func standard() {
        guard case .snooze = RetryRules.standard.action(for: "provider.rate_limited") else {
            Issue.record("not snoozed")
            return
        }
        #expect(RetryRules.standard.action(for: "server.transient") == .retry(nil))
        #expect(RetryRules.standard.action(for: "lease.lost") == .retry(nil))
    }

    @Test(
        "back-off: within bounds, never above the cap, ceilings never shrink, jitter reaches both ends",
        arguments: 0..<200
    )
    func backoff(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let base = Duration.milliseconds(Int.random(in: 1...60_000, using: &generator))
        let cap = base + .milliseconds(Int.random(in: 0...3_600_000, using: &generator))
        let floor = base * Double.random(in: 0...1, using: &generator)
        let backoff = Backoff(base: base, cap: cap, floor: floor)
        var last = Duration.zero
        for attempt in [1, 2, 3, 5, 8, 13, 30, 62, 63, 64, 100, 32_767] {
            let ceiling = backoff.ceiling(afterAttempt: attempt)
            #expect(ceiling >= last && ceiling <= cap)
            last = ceiling
            for _ in 0..<20 {
                let delay = backoff.delay(afterAttempt: attempt, using: &generator)
                #expect(delay >= floor && delay <= max(ceiling, floor))
            }
        }
        #expect(last.inSeconds > cap.inSeconds * 0.999)
        let delays = (0..<400).map { _ in backoff.delay(afterAttempt: 32_767, using: &generator).inSeconds }
        let span = (cap - floor).inSeconds
        #expect(
            (delays.min() ?? 0) <= floor.inSeconds + span * 0.05 && (delays.max() ?? 0) >= cap.inSeconds - span * 0.05
        )
    }
}
