import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("The lease")
struct LeaseClockTests {
    private let start = ContinuousClock.now
    private let me = WorkerID.random()

    private func held() -> LeaseClock {
        var clock = LeaseClock(length: .seconds(15), now: start)
        #expect(clock.tick(at: start) == .register)
        #expect(clock.registered(me, sentAt: start, now: start + .seconds(1)) == true)
        return clock
    }

    @Test("trust counts from when the request was sent and ends before the lease")
    func trust() {
        var clock = held()
        #expect(clock.trusted(at: start + .seconds(11)) == me)
        #expect(clock.trusted(at: start + .seconds(12)) == nil)
        clock.renewed(me, sentAt: start + .seconds(5))
        #expect(clock.trusted(at: start + .seconds(16)) == me)
        #expect(clock.trusted(at: start + .seconds(17)) == nil)
        // An answer to an older request does not shorten it.
        clock.renewed(me, sentAt: start + .seconds(2))
        #expect(clock.trusted(at: start + .seconds(16)) == me)
    }

    @Test("it asks every third of the lease, once at a time, and ends even while an answer is missing")
    func pace() {
        var clock = held()
        #expect(clock.tick(at: start + .seconds(4)) == nil)
        #expect(clock.next == start + .seconds(5))
        #expect(clock.tick(at: start + .seconds(5)) == .renew(me))
        #expect(clock.tick(at: start + .seconds(9)) == nil)
        #expect(clock.next == start + .seconds(12))
        #expect(clock.tick(at: start + .seconds(12)) == .end(me))
        #expect(clock.tick(at: start + .seconds(12)) == .register)
    }

    @Test("failures are asked again several times before trust ends")
    func retries() {
        var clock = held()
        var now = start
        var asked = 0
        while clock.trusted(at: now) != nil {
            if case .renew(let id) = clock.tick(at: now) {
                asked += 1
                clock.renewalFailed(id, at: now)
            }
            now += .milliseconds(100)
        }
        #expect(asked >= 10)
        #expect(clock.tick(at: now) == .end(me))
    }

    @Test("answers for an incarnation that has ended change nothing")
    func staleAnswers() {
        var clock = held()
        #expect(clock.refused(me, at: start + .seconds(6)) == true)
        #expect(clock.refused(me, at: start + .seconds(6)) == false)
        clock.renewed(me, sentAt: start + .seconds(6))
        #expect(clock.trusted(at: start + .seconds(6)) == nil)
        #expect(clock.tick(at: start + .seconds(6)) == .register)
        let next = WorkerID.random()
        #expect(clock.registered(next, sentAt: start + .seconds(6), now: start + .seconds(6)) == true)
        clock.renewed(me, sentAt: start + .seconds(60))
        #expect(clock.trusted(at: start + .seconds(30)) == nil)
        #expect(clock.refused(me, at: start + .seconds(7)) == false)
        #expect(clock.trusted(at: start + .seconds(7)) == next)
    }

    @Test("a registration whose answer took too long is not used")
    func lateRegistration() {
        var clock = LeaseClock(length: .seconds(15), now: start)
        #expect(clock.tick(at: start) == .register)
        #expect(clock.registered(me, sentAt: start, now: start + .seconds(6)) == false)
        #expect(clock.tick(at: start + .seconds(6)) == .register)
    }

    @Test(
        "no two incarnations are ever trusted while the server still honours both",
        arguments: 0..<40 as Range<UInt64>
    )
    func neverTrustsBeyondTheServer(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var clock = LeaseClock(length: .seconds(15), now: start)
        var now = start
        // What the server knows: until when it honours each lease. It decides when the request arrives, never earlier
        // than it was sent.
        var server: [WorkerID: Instant] = [:]
        var asked: (sent: Instant, action: LeaseClock.Action, id: WorkerID)?
        for _ in 0..<2_000 {
            now += .milliseconds(Int.random(in: 1...900, using: &generator))
            if let request = asked, Int.random(in: 0..<3, using: &generator) == 0 {
                let arrived = request.sent + (now - request.sent) * Double.random(in: 0...1, using: &generator)
                let isLost = Int.random(in: 0..<4, using: &generator) == 0
                asked = nil
                switch request.action {
                case .register:
                    server[request.id] = arrived + .seconds(15)
                    if isLost {
                        clock.registrationFailed(at: now, using: &generator)
                    } else {
                        _ = clock.registered(request.id, sentAt: request.sent, now: now)
                    }
                case .renew(let id):
                    let isHonoured = server[id].map { $0 > arrived } ?? false
                    if isHonoured { server[id] = arrived + .seconds(15) }
                    if isLost {
                        clock.renewalFailed(id, at: now)
                    } else if isHonoured {
                        clock.renewed(id, sentAt: request.sent)
                    } else {
                        _ = clock.refused(id, at: now)
                    }
                case .end: Issue.record("ends are no requests")
                }
            }
            if let trusted = clock.trusted(at: now) {
                #expect((server[trusted] ?? start) > now, "trusted a lease that the server does not honour")
            }
            switch clock.tick(at: now) {
            case .renew(let id): asked = (now, .renew(id), id)
            case .register: asked = (now, .register, WorkerID.random())
            case .end, nil: break
            }
        }
    }
}
