import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("Where a claim loop looks next")
struct ClaimStrategyTests {
    private let start = ContinuousClock.now

    private func next(_ strategy: ClaimStrategy, hints: Bool = true) -> ClaimStrategy.Step {
        var generator = SeededGenerator(seed: 3)
        return strategy.next(hintsAreUsable: hints, using: &generator)
    }

    private func rest(_ step: ClaimStrategy.Step) -> Duration? {
        if case .rest(let duration) = step { duration } else { nil }
    }

    @Test("at the start it asks hints, then the store, then rests")
    func begins() throws {
        var strategy = ClaimStrategy(idlePoll: .seconds(2))
        #expect(next(strategy) == .fetch)
        strategy.record(.fetched(0), at: start)
        #expect(next(strategy) == .look)
        strategy.record(.looked(found: 0, wanted: 4), at: start)
        let pause = try #require(rest(next(strategy)))
        #expect(pause >= .seconds(1) && pause <= .seconds(2))
    }

    @Test("while hints flow the store is not asked")
    func flows() {
        var strategy = ClaimStrategy(idlePoll: .seconds(2))
        for step in 0..<100 {
            #expect(next(strategy) == .fetch)
            strategy.record(.fetched(10), at: start + .milliseconds(step))
        }
        strategy.record(.fetched(0), at: start + .milliseconds(100))
        #expect(rest(next(strategy)) != nil)
        strategy.record(.rested(wasWoken: true), at: start + .milliseconds(200))
        #expect(next(strategy) == .fetch)
    }

    @Test("silent hints lead to a look into the store, and work found there to another")
    func silence() {
        var strategy = ClaimStrategy(idlePoll: .seconds(2))
        strategy.record(.fetched(1), at: start)
        strategy.record(.fetched(0), at: start)
        strategy.record(.rested(wasWoken: false), at: start + .seconds(2))
        #expect(next(strategy) == .fetch)
        strategy.record(.fetched(0), at: start + .seconds(2))
        #expect(next(strategy) == .look)
        strategy.record(.looked(found: 4, wanted: 4), at: start + .seconds(2))
        #expect(next(strategy) == .fetch)
        strategy.record(.fetched(0), at: start + .seconds(2))
        #expect(next(strategy) == .look)
        strategy.record(.looked(found: 1, wanted: 4), at: start + .seconds(2))
        #expect(rest(next(strategy)) != nil)
    }

    @Test("a loop that is woken all the time looks into the store all the same")
    func neverStarves() {
        var strategy = ClaimStrategy(idlePoll: .seconds(2))
        strategy.record(.fetched(1), at: start)
        var looks = 0
        for step in 1...100 {
            let now = start + .milliseconds(step * 100)
            strategy.record(.fetched(0), at: now)
            if next(strategy) == .look {
                looks += 1
                strategy.record(.looked(found: 0, wanted: 4), at: now)
            }
            strategy.record(.rested(wasWoken: true), at: now)
        }
        #expect(looks == 5)
    }

    @Test("dear looks beside hints are rare, but without hints nothing keeps from looking")
    func dear() {
        var strategy = ClaimStrategy(idlePoll: .seconds(2))
        strategy.record(.fetched(0), at: start)
        #expect(next(strategy) == .look)
        strategy.record(.looked(found: 0, wanted: 4, cost: .milliseconds(500)), at: start)
        for second in 1...20 {
            let now = start + .seconds(second)
            strategy.record(.rested(wasWoken: false), at: now)
            strategy.record(.fetched(0), at: now)
            let isDue = second >= 10
            #expect((next(strategy) == .look) == isDue, "after \(second) s")
            if isDue { break }
        }
        strategy.record(.looked(found: 0, wanted: 4, cost: .seconds(1)), at: start)
        strategy.record(.rested(wasWoken: false), at: start)
        strategy.record(.hintsFailed, at: start)
        #expect(next(strategy) == .look)
    }

    @Test("without hints the pace follows the yield of the store")
    func degraded() throws {
        var strategy = ClaimStrategy(idlePoll: .seconds(2))
        strategy.record(.hintsFailed, at: start)
        #expect(next(strategy, hints: false) == .look)
        strategy.record(.looked(found: 500, wanted: 500), at: start)
        #expect(next(strategy, hints: false) == .look)
        var last = Duration.zero
        for round in 0..<12 {
            strategy.record(.looked(found: 0, wanted: 500), at: start)
            let pause = try #require(rest(next(strategy, hints: false)))
            #expect(pause <= .milliseconds(500))
            if round < 5 { #expect(pause > last) }
            last = pause
            strategy.record(.rested(wasWoken: false), at: start)
            #expect(next(strategy, hints: false) == .look)
        }
        strategy.record(.looked(found: 3, wanted: 500), at: start)
        #expect(try #require(rest(next(strategy, hints: false))) <= .milliseconds(10))
    }

    @Test("a failing store is asked again with back-off")
    func storeFails() throws {
        var strategy = ClaimStrategy(idlePoll: .seconds(2))
        var last = Duration.zero
        for _ in 0..<4 {
            strategy.record(.storeFailed, at: start)
            let pause = try #require(rest(next(strategy)))
            #expect(pause > last && pause <= .seconds(5))
            last = pause
            strategy.record(.rested(wasWoken: false), at: start)
        }
        strategy.record(.fetched(1), at: start)
        #expect(next(strategy) == .fetch)
    }
}

@Suite("Whether hints can be had")
struct HintHealthTests {
    @Test("left alone after a failure, longer each time, whole again after a success")
    func backsOff() {
        var generator = SeededGenerator(seed: 5)
        var health = HintHealth()
        let start = ContinuousClock.now
        #expect(health.isUsable(at: start) && !health.isDegraded)
        #expect(health.failed(at: start, using: &generator) == true)
        #expect(!health.isUsable(at: start) && health.isDegraded)
        #expect(health.isUsable(at: start + .milliseconds(200)))
        for _ in 0..<10 { #expect(health.failed(at: start, using: &generator) == false) }
        #expect(!health.isUsable(at: start + .seconds(1)))
        #expect(health.isUsable(at: start + .seconds(3)))
        #expect(health.worked() == true)
        #expect(health.worked() == false)
        #expect(health.isUsable(at: start))
    }
}
