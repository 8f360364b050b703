import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("The clocks of an attempt")
struct AttemptClocksTests {
    @Test("every combination of times: the deadline first, then a stall, but never before progress was reported")
    func exhaustive() {
        let start = Instant.now
        func at(_ second: Int) -> Instant { start + .seconds(second) }
        for deadline in 0...6 {
            for limit in [nil, 1, 2, 3] as [Int?] {
                for progress in [nil] + Array(0...6) as [Int?] {
                    for now in 0...8 {
                        var clocks = AttemptClocks(deadline: at(deadline), stallLimit: limit.map { .seconds($0) })
                        if let progress { clocks.progressed(at: at(progress)) }
                        let expected: StopReason? =
                            if now >= deadline { .deadline } else if let limit, let progress, now - progress >= limit {
                                .stalled(.seconds(limit))
                            } else { nil }
                        #expect(clocks.overrun(at: at(now)) == expected)
                    }
                }
            }
        }
    }

    @Test("a word that comes late does not set the clock back")
    func outOfOrder() {
        let start = Instant.now
        var clocks = AttemptClocks(deadline: start + .seconds(100), stallLimit: .seconds(2))
        clocks.progressed(at: start + .seconds(5))
        clocks.progressed(at: start + .seconds(1))
        #expect(clocks.overrun(at: start + .seconds(6)) == nil)
        #expect(clocks.overrun(at: start + .seconds(7)) == .stalled(.seconds(2)))
    }

    @Test("three clocks, three classes of error")
    func classes() {
        let classes = [
            TaskFailure.leaseLost.errorClass, TaskFailure.deadlineExceeded(after: .seconds(1)).errorClass,
            TaskFailure.stalled(for: .seconds(1)).errorClass,
        ]
        #expect(classes == ["lease.lost", "deadline.exceeded", "progress.stalled"])
    }
}

@Suite("Stopping attempts in the table of holds")
struct HoldTableControlTests {
    private func table(stallLimit: Duration? = nil) -> (HoldTable<Int>, Instant) {
        let now = Instant.now
        let me = WorkerID.random()
        var table = HoldTable<Int>()
        table.begin(me)
        #expect(table.claimed([fence(1), fence(2)], by: me) == true)
        #expect(table.start(fence(1), 1, deadline: now + .seconds(100), stallLimit: stallLimit) == true)
        return (table, now)
    }

    @Test("a cancelled attempt is stopped once, and its reason comes with its end")
    func cancel() {
        var (table, now) = table()
        #expect(table.cancel([fence(1): "no", fence(2): "not begun", fence(3): "unknown"], at: now) == [1])
        #expect(table.cancel([fence(1): "again"], at: now).isEmpty)
        #expect(table.running.map(\.reason) == [.cancelled("no")])
        guard case .settle(_, let reason) = table.finish(fence(1)) else {
            Issue.record("not settled")
            return
        }
        #expect(reason == .cancelled("no"))
        #expect(table.cancel([fence(1): "late"], at: now).isEmpty)
    }

    @Test("one that does not listen is given up after the grace")
    func deaf() {
        var (table, now) = table()
        _ = table.cancel([fence(1): "no"], at: now)
        #expect(table.enforceDeadlines(at: now + .seconds(9), grace: .seconds(10)).hung == [])
        #expect(table.enforceDeadlines(at: now + .seconds(10), grace: .seconds(10)).hung == [1])
    }

    @Test("a stall stops the attempt, a word in time does not")
    func stall() {
        var (table, now) = table(stallLimit: .seconds(5))
        #expect(table.enforceDeadlines(at: now + .seconds(50), grace: .seconds(10)).due == [], "it never said a word")
        table.progressed(fence(1), at: now + .seconds(50))
        table.progressed(fence(2), at: now + .seconds(50))
        table.progressed(fence(1), at: now + .seconds(54))
        #expect(table.enforceDeadlines(at: now + .seconds(58), grace: .seconds(10)).due == [])
        #expect(table.enforceDeadlines(at: now + .seconds(59), grace: .seconds(10)).due == [1])
        #expect(table.running.map(\.reason) == [.stalled(.seconds(5))])
    }
}
