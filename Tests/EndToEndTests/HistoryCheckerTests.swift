import Testing

@testable import SluiceFaultKit

@Suite("The history checker can fail")
struct HistoryCheckerTests {
    /// Two tasks of a batch, one of them keyed, and the next bearer of that key; all well.
    private func good() -> History {
        var history = History()
        history.enqueued = [
            .init(task: 1, steps: 2, batch: 7, key: "t/k", at: 100),
            .init(task: 2, steps: 0, batch: 7, key: nil, at: 110),
            .init(task: 3, steps: 1, batch: nil, key: "t/k", at: 300),
        ]
        history.claims = [
            .init(task: 1, token: 11), .init(task: 1, token: 12), .init(task: 2, token: 13), .init(task: 3, token: 14),
        ]
        history.ended = [
            .init(task: 1, ending: .completed, token: 12, at: 200), .init(task: 2, ending: .dead, token: nil, at: 210),
            .init(task: 3, ending: .completed, token: 14, at: 400),
        ]
        history.effects = [
            .init(task: 1, token: 12, step: 1), .init(task: 1, token: 12, step: 2), .init(task: 3, token: 14, step: 1),
        ]
        history.batches = [.init(id: 7, total: 2, completed: 1, dead: 1)]
        history.spans = [
            .init(scopes: ["queue/a"], from: 1, to: 5), .init(scopes: ["queue/a"], from: 5, to: 9),
            .init(scopes: ["queue/b"], from: 1, to: 9),
        ]
        return history
    }

    private let checker = HistoryChecker(caps: ["queue/a": 1])

    @Test("a history in which every promise was kept passes")
    func kept() { #expect(checker.violations(of: good()) == []) }

    private static let forgeries: [(Violation, @Sendable (inout History) -> Void)] = [
        (Violation(.lost, "task 4"), { $0.enqueued.append(.init(task: 4, steps: 0, batch: nil, key: nil, at: 1)) }),
        (Violation(.endedTwice, "task 1"), { $0.ended.append($0.ended[0]) }),
        (
            Violation(.endedTwice, "task 2"),
            { $0.ended.append(.init(task: 2, ending: .cancelled, token: nil, at: 220)) }
        ),
        (Violation(.endedAndLive, "task 3"), { $0.live = [3] }),
        (Violation(.oldTokenAccepted, "task 1"), { $0.claims.append(.init(task: 1, token: 15)) }),
        (Violation(.oldTokenAccepted, "task 3"), { $0.ended[2].token = nil }),
        (Violation(.effectMissing, "task 1"), { $0.effects.removeAll { $0.task == 1 && $0.step == 2 } }),
        (Violation(.effectMissing, "task 3"), { $0.effects.removeAll { $0.task == 3 } }),
        (Violation(.effectDoubled, "task 3"), { $0.effects.append(.init(task: 3, token: 14, step: 1)) }),
        (Violation(.effectWithoutCompletion, "task 2"), { $0.effects.append(.init(task: 2, token: 13, step: 1)) }),
        (Violation(.effectOfOldToken, "task 1"), { $0.effects[0].token = 11 }),
        (Violation(.batchMiscounted, "batch 7"), { $0.batches[0].completed = 2 }),
        (Violation(.batchMiscounted, "batch 7"), { $0.batches[0].isFinished = true }),
        (Violation(.keyTwiceLive, "key t/k"), { $0.enqueued[2].at = 150 }),
        (Violation(.capExceeded, "queue/a: 2 of 1"), { $0.spans[1].from = 4 }),
        (Violation(.hintOfNothing, "task 3"), { $0.hints = [3] }),
    ]

    @Test("each forged history is found out", arguments: forgeries.indices)
    func forged(index: Int) {
        let (violation, forge) = Self.forgeries[index]
        var history = good()
        forge(&history)
        #expect(checker.violations(of: history) == [violation])
    }

    @Test("no rule is without a forgery")
    func everyRule() { #expect(Set(Self.forgeries.map(\.0.rule)) == Set(Violation.Rule.allCases)) }

    @Test("a live task may be hinted at")
    func liveHint() {
        var history = good()
        history.live = [9]
        history.hints = [9]
        #expect(checker.violations(of: history) == [])
    }
}
