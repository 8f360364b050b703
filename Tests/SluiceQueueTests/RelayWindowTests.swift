import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("The window of hints")
struct RelayWindowTests {
    private let start = ContinuousClock.now

    private func candidates(_ range: Range<Int64>) -> [Candidate] {
        range.map { Candidate(id: TaskID($0), tenant: .default, kind: .init(trusted: "probe"), priority: 5, runAt: $0) }
    }

    private func plan(
        _ window: inout RelayWindow,
        slots: Int = 4,
        isClosed: Bool = false,
        inWindow: Int,
        at now: Instant
    ) -> RelayWindow.Plan {
        window.plan(slots: slots, isClosed: isClosed, inWindow: inWindow, at: now)
    }

    @Test("its size follows the slots, within bounds")
    func size() {
        var window = RelayWindow()
        #expect(plan(&window, slots: 0, inWindow: 0, at: start).target == 64)
        #expect(plan(&window, slots: 100, inWindow: 0, at: start).target == 400)
        #expect(plan(&window, slots: 100_000, inWindow: 0, at: start).target == 4_096)
        #expect(plan(&window, slots: 100, inWindow: 200, at: start).wanted == 200)
        #expect(plan(&window, slots: 100, inWindow: 201, at: start).wanted == 0)
    }

    @Test("it grows when workers empty it quickly")
    func grows() {
        var window = RelayWindow()
        var target = 0
        for round in 0..<20 {
            let now = start + .milliseconds(round * 5)
            let plan = plan(&window, inWindow: 0, at: now)
            target = plan.target
            let first = Int64(round) * 10_000 + 1
            window.pushed(candidates(first..<first + Int64(plan.wanted)), at: now)
        }
        #expect(target == RelayWindow.largest)
        #expect(plan(&window, inWindow: 0, at: start + .seconds(1)).target == RelayWindow.smallest)
    }

    @Test("it does not grow when nobody empties it")
    func staysSmall() {
        var window = RelayWindow()
        var inWindow = 0
        for round in 0..<20 {
            let now = start + .milliseconds(round * 5)
            let plan = plan(&window, inWindow: inWindow, at: now)
            let first = Int64(round) * 10_000 + 1
            window.pushed(candidates(first..<first + Int64(plan.wanted)), at: now)
            inWindow += plan.wanted
        }
        #expect(inWindow == RelayWindow.smallest)
    }

    @Test("a queue that is closed empties it and gets nothing")
    func closed() {
        var window = RelayWindow()
        #expect(plan(&window, isClosed: true, inWindow: 5, at: start).clears)
        #expect(!plan(&window, isClosed: true, inWindow: 0, at: start).clears)
        #expect(plan(&window, isClosed: true, inWindow: 0, at: start).wanted == 0)
    }

    @Test("what was just pushed is not pushed again, what was lost is, soon")
    func transit() {
        var window = RelayWindow()
        window.pushed(candidates(1..<5), at: start)
        #expect((1...5).map { window.isOutstanding(TaskID($0)) } == [true, true, true, true, false])
        #expect(window.outstanding == [.default: [TaskKind(trusted: "probe"): 4]])
        window.forget([TaskID(2)])
        #expect(!window.isOutstanding(TaskID(2)))
        _ = plan(&window, inWindow: 0, at: start + RelayWindow.transit)
        #expect(window.outstanding.isEmpty && !window.isOutstanding(TaskID(1)))
    }

    @Test("what lies in the window is not pushed again, whoever put it there, and counts for its tenant once known")
    func observed() {
        var window = RelayWindow()
        window.pushed(candidates(1..<3), at: start)
        let later = start + .seconds(1)
        _ = plan(&window, inWindow: 4, at: later)
        #expect(Set(window.observe([TaskID(1), TaskID(8), TaskID(9)], at: later)) == [TaskID(8), TaskID(9)])
        window.learn(candidates(8..<9), at: later)
        #expect(window.outstanding == [.default: [TaskKind(trusted: "probe"): 2]])
        #expect([1, 2, 8, 9].map { window.isOutstanding(TaskID($0)) } == [true, false, true, true])
        #expect(Set(window.outstanding { tenant, _ in tenant == .default }) == [TaskID(1), TaskID(8)])
    }

    @Test("every task is hinted at in the end however many hints are lost", arguments: 0..<10 as Range<UInt64>)
    func losesNothing(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var window = RelayWindow()
        var available = candidates(1..<3_001)
        var redis: [TaskID] = []
        var now = start
        var rounds = 0
        while !available.isEmpty {
            rounds += 1
            guard rounds < 10_000 else {
                Issue.record("tasks were forgotten")
                return
            }
            now += .milliseconds(Int.random(in: 1...50, using: &generator))
            let plan = plan(&window, slots: 16, inWindow: redis.count, at: now)
            if plan.wanted > 0, !redis.isEmpty {
                let unknown = Set(window.observe(redis, at: now))
                window.learn(available.filter { unknown.contains($0.id) }, at: now)
            }
            let chosen = Array(available.lazy.filter { !window.isOutstanding($0.id) }.prefix(plan.wanted))
            window.pushed(chosen, at: now)
            redis += chosen.map(\.id).filter { _ in Int.random(in: 0..<3, using: &generator) > 0 }
            #expect(redis.count <= RelayWindow.largest)
            #expect(Set(redis).count == redis.count)
            // A worker takes some, and sometimes dies with them before it claims.
            let taken = Array(redis.prefix(Int.random(in: 0...64, using: &generator)))
            redis.removeFirst(taken.count)
            if Int.random(in: 0..<10, using: &generator) > 0 {
                let claimed = Set(taken)
                available.removeAll { claimed.contains($0.id) }
            }
            if Int.random(in: 0..<100, using: &generator) == 0 { redis = [] }
        }
    }
}
