import SluiceCore
import SluicePostgres
import Testing

@Suite("What a pool decides")
struct PoolStateTests {
    private let start = Instant.now

    private func state(size: Int, maxLifetime: Duration = .seconds(3_600), maxIdle: Duration = .seconds(300))
        -> PoolState
    {
        PoolState(PoolState.Limits(size: size, maxLifetime: maxLifetime, maxIdle: maxIdle))
    }

    private func at(_ seconds: Double) -> Instant { start + .seconds(seconds) }

    @Test("opens up to the limit, then lets callers wait in order")
    func limitAndOrder() {
        var state = state(size: 2)
        let outcome1 = state.request(at: start).outcome.grants
        #expect(outcome1 == [.init(ticket: 1, grant: .open(1))])
        let outcome2 = state.request(at: start).outcome.grants
        #expect(outcome2 == [.init(ticket: 2, grant: .open(2))])
        let outcome3 = state.request(at: start).outcome.grants
        #expect(outcome3 == [])
        let outcome4 = state.request(at: start).outcome.grants
        #expect(outcome4 == [])
        state.opened(1, at: start, spread: 0)
        state.opened(2, at: start, spread: 0)
        let outcome5 = state.release(2, isReusable: true, at: start).grants
        #expect(outcome5 == [.init(ticket: 3, grant: .use(2))])
        let outcome6 = state.release(1, isReusable: true, at: start).grants
        #expect(outcome6 == [.init(ticket: 4, grant: .use(1))])
    }

    @Test("gives the connection that was used last, so that the others may grow old")
    func warmestFirst() {
        var state = state(size: 2, maxIdle: .seconds(10))
        for number in 1...2 {
            _ = state.request(at: start)
            state.opened(number, at: start, spread: 0)
        }
        _ = state.release(1, isReusable: true, at: at(0))
        _ = state.release(2, isReusable: true, at: at(1))
        let outcome7 = state.request(at: at(2)).outcome.grants
        #expect(outcome7 == [.init(ticket: 3, grant: .use(2))])
        let outcome8 = state.release(2, isReusable: true, at: at(11)).close
        #expect(outcome8 == [1], "idle for longer than 10 s")
        #expect(state.idleCount == 1)
    }

    @Test("replaces a broken connection for the one who waits")
    func broken() {
        var state = state(size: 1)
        _ = state.request(at: start)
        state.opened(1, at: start, spread: 0)
        _ = state.request(at: start)
        let outcome = state.release(1, isReusable: false, at: start)
        #expect(outcome == .init(grants: [.init(ticket: 2, grant: .open(2))], close: [1]))
    }

    @Test("closes a connection that grew old, at a time spread over a quarter of its life")
    func lifetime() {
        var state = state(size: 2, maxLifetime: .seconds(100))
        for (number, spread) in [(1, 0.0), (2, 0.999)] {
            _ = state.request(at: start)
            state.opened(number, at: start, spread: spread)
        }
        let outcome9 = state.release(1, isReusable: true, at: at(99)).close
        #expect(outcome9 == [])
        let outcome10 = state.release(2, isReusable: true, at: at(76)).close
        #expect(outcome10 == [2])
    }

    @Test("refuses at once while the server is away, and tries again after 50 ms to 1 s")
    func serverAway() {
        var state = state(size: 3)
        _ = state.request(at: start)
        let outcome11 = state.openFailed(1, at: start, spread: 0.5).grants
        #expect(outcome11 == [])
        let outcome12 = state.request(at: at(0.001)).outcome.grants
        #expect(outcome12 == [.init(ticket: 2, grant: .refuse)])
        let outcome13 = state.request(at: at(0.051)).outcome.grants
        #expect(outcome13 == [.init(ticket: 3, grant: .open(2))])
        var now = at(0.051)
        var number = 2
        for _ in 0..<10 {
            _ = state.openFailed(number, at: now, spread: 0.999)
            now += .seconds(1)
            guard case .open(let next)? = state.request(at: now).outcome.grants.first?.grant else {
                Issue.record("no new attempt after a second")
                return
            }
            number = next
        }
    }

    @Test("lets callers wait for connections that still work while new ones are refused")
    func partlyAway() {
        var state = state(size: 2)
        _ = state.request(at: start)
        state.opened(1, at: start, spread: 0)
        _ = state.request(at: start)
        let outcome14 = state.openFailed(2, at: start, spread: 1).grants
        #expect(outcome14 == [])
        let outcome15 = state.request(at: at(0.01)).outcome.grants
        #expect(outcome15 == [], "connection 1 will come back")
        let outcome16 = state.release(1, isReusable: true, at: at(0.02)).grants
        #expect(outcome16 == [.init(ticket: 3, grant: .use(1))])
    }

    @Test("refuses all who wait when the last connection breaks and the server is away")
    func lastOneBreaks() {
        var state = state(size: 1)
        _ = state.request(at: start)
        state.opened(1, at: start, spread: 0)
        for _ in 0..<3 { _ = state.request(at: start) }
        let outcome17 = state.release(1, isReusable: false, at: start).grants
        #expect(outcome17 == [.init(ticket: 2, grant: .open(2))])
        let outcome18 = state.openFailed(2, at: start, spread: 0).grants.map(\.grant)
        #expect(outcome18 == [.refuse, .refuse])
        #expect(state.waiterCount == 0)
    }

    @Test("a closed pool refuses, closes idle connections at once and leased ones when they come back")
    func closing() {
        var state = state(size: 2)
        for number in 1...2 {
            _ = state.request(at: start)
            state.opened(number, at: start, spread: 0)
        }
        _ = state.release(1, isReusable: true, at: start)
        let outcome19 = state.close().close
        #expect(outcome19 == [1])
        let outcome20 = state.request(at: start).outcome.grants.map(\.grant)
        #expect(outcome20 == [.closed])
        let outcome21 = state.release(2, isReusable: true, at: start).close
        #expect(outcome21 == [2])
    }

    /// Any order of events keeps the promises; the generator is seeded, so a failure can be repeated.
    @Test("keeps its promises whatever happens", arguments: 1...60)
    func anyOrder(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let size = Int.random(in: 1...4, using: &random)
        var state = state(size: size, maxLifetime: .seconds(20), maxIdle: .seconds(5))
        var now = start
        var opening: Set<Int> = []
        var leased: Set<Int> = []
        var alive: Set<Int> = []
        var waiting: [Int] = []

        func take(_ outcome: PoolState.Outcome) {
            for number in outcome.close { alive.remove(number) }
            for granted in outcome.grants {
                #expect(waiting.first == granted.ticket, "served out of order, or twice")
                waiting.removeFirst()
                switch granted.grant {
                case .open(let number): #expect(opening.insert(number).inserted)
                case .use(let number):
                    #expect(alive.contains(number), "a closed connection was lent")
                    #expect(leased.insert(number).inserted, "one connection, two callers")
                case .refuse: #expect(leased.isEmpty && opening.isEmpty, "refused although a connection will come back")
                case .closed: Issue.record("nobody closed the pool")
                }
            }
        }

        for _ in 0..<400 {
            now += .milliseconds(Int.random(in: 0...400, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                let (ticket, outcome) = state.request(at: now)
                waiting.append(ticket)
                take(outcome)
            case 2:
                guard let number = opening.randomElement(using: &random) else { continue }
                opening.remove(number)
                if Bool.random(using: &random) {
                    state.opened(number, at: now, spread: .random(in: 0..<1, using: &random))
                    leased.insert(number)
                    alive.insert(number)
                } else {
                    take(state.openFailed(number, at: now, spread: .random(in: 0..<1, using: &random)))
                }
            case 3, 4:
                guard let number = leased.randomElement(using: &random) else { continue }
                leased.remove(number)
                take(state.release(number, isReusable: Int.random(in: 0..<4, using: &random) > 0, at: now))
            default:
                guard let ticket = waiting.randomElement(using: &random) else { continue }
                let (first, second) = (state.abandon(ticket), state.abandon(ticket))
                #expect(first && !second)
                waiting.removeAll { $0 == ticket }
            }
            #expect(state.leasedCount == leased.count + opening.count)
            #expect(state.waiterCount == waiting.count)
            #expect(leased.count + opening.count <= size)
            #expect(alive.count + opening.count <= size, "more connections than the limit")
            #expect(state.idleCount == alive.count - leased.count)
            #expect(waiting.isEmpty || state.idleCount == 0, "someone waits beside an idle connection")
            #expect(waiting.isEmpty || state.leasedCount > 0, "someone waits for nothing")
        }
    }
}

/// SplitMix64. Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
