import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("The window of hints")
struct RelayWindowTests {
    private let start = ContinuousClock.now

    private func queue(slots: Int = 4, running: Int = 0, maxRunning: Int? = nil, isPaused: Bool = false) -> QueueState {
        QueueState(name: .ingestion, isPaused: isPaused, running: running, maxRunning: maxRunning, slots: slots)
    }

    @Test("its size follows the slots, within bounds")
    func size() {
        var window = RelayWindow()
        #expect(window.plan(for: queue(slots: 0), inWindow: 0, at: start).target == 64)
        #expect(window.plan(for: queue(slots: 100), inWindow: 0, at: start).target == 400)
        #expect(window.plan(for: queue(slots: 100_000), inWindow: 0, at: start).target == 4_096)
        #expect(window.plan(for: queue(slots: 100), inWindow: 200, at: start).wanted == 200)
        #expect(window.plan(for: queue(slots: 100), inWindow: 201, at: start).wanted == 0)
    }

    @Test("it grows when workers empty it quickly")
    func grows() {
        var window = RelayWindow()
        var target = 0
        for round in 0..<20 {
            let now = start + .milliseconds(round * 5)
            let plan = window.plan(for: queue(), inWindow: 0, at: now)
            target = plan.target
            window.pushed((0..<Int64(plan.wanted)).map { TaskID(Int64(round) * 10_000 + $0 + 1) }, at: now)
        }
        #expect(target == RelayWindow.largest)
        #expect(window.plan(for: queue(), inWindow: 0, at: start + .seconds(1)).target == RelayWindow.smallest)
    }

    @Test("it does not grow when nobody empties it")
    func staysSmall() {
        var window = RelayWindow()
        var inWindow = 0
        for round in 0..<20 {
            let now = start + .milliseconds(round * 5)
            let plan = window.plan(for: queue(), inWindow: inWindow, at: now)
            window.pushed((0..<Int64(plan.wanted)).map { TaskID(Int64(round) * 10_000 + $0 + 1) }, at: now)
            inWindow += plan.wanted
        }
        #expect(inWindow == RelayWindow.smallest)
    }

    @Test("a pause empties it, a limit on what runs keeps it small")
    func limits() {
        var window = RelayWindow()
        #expect(window.plan(for: queue(isPaused: true), inWindow: 5, at: start).clears)
        #expect(!window.plan(for: queue(isPaused: true), inWindow: 0, at: start).clears)
        #expect(window.plan(for: queue(isPaused: true), inWindow: 0, at: start).wanted == 0)
        #expect(window.plan(for: queue(running: 3, maxRunning: 5), inWindow: 1, at: start).wanted == 1)
        #expect(window.plan(for: queue(running: 6, maxRunning: 5), inWindow: 1, at: start).wanted == 0)
    }

    @Test("what was just pushed is not pushed again, what was lost is, soon")
    func transit() {
        var window = RelayWindow()
        let ids = (1...10).map { TaskID($0) }
        window.pushed(ids.prefix(4), at: start)
        #expect(window.ask(for: 6) == 10)
        #expect(window.choose(ids, wanted: 6) == Array(ids.dropFirst(4)))
        window.forget([TaskID(2)])
        #expect(window.choose(ids, wanted: 2) == [TaskID(2), TaskID(5)])
        _ = window.plan(for: queue(), inWindow: 0, at: start + RelayWindow.transit)
        #expect(window.choose(ids, wanted: 3) == Array(ids.prefix(3)))
    }

    @Test("every task is hinted at in the end however many hints are lost", arguments: 0..<10 as Range<UInt64>)
    func losesNothing(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var window = RelayWindow()
        var available = (1...3_000).map { TaskID($0) }
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
            let plan = window.plan(for: queue(slots: 16), inWindow: redis.count, at: now)
            let present = Set(redis)
            let candidates = available.lazy.filter { !present.contains($0) }.prefix(window.ask(for: plan.wanted))
            let chosen = window.choose(Array(candidates), wanted: plan.wanted)
            window.pushed(chosen, at: now)
            redis += chosen.filter { _ in Int.random(in: 0..<3, using: &generator) > 0 }
            #expect(redis.count <= RelayWindow.largest)
            // A worker takes some, and sometimes dies with them before it claims.
            let taken = Array(redis.prefix(Int.random(in: 0...64, using: &generator)))
            redis.removeFirst(taken.count)
            if Int.random(in: 0..<10, using: &generator) > 0 {
                let claimed = Set(taken)
                available.removeAll { claimed.contains($0) }
            }
            if Int.random(in: 0..<100, using: &generator) == 0 { redis = [] }
        }
    }
}
