import SluiceCore
import SluiceRedis
import Testing

@Suite("When a connection refuses calls at once")
struct LinkStateTests {
    private let start = Instant.now
    private let error = RedisError(.cannotConnect)

    private func failed(_ state: inout LinkState, at now: Instant, jitter: Double = 1) {
        state.beginConnecting()
        state.failed(error, at: now, base: .milliseconds(50), cap: .seconds(2), jitter: jitter)
    }

    @Test("the first attempt may be waited for, a probe may not")
    func probes() {
        var state = LinkState()
        #expect(state.refusal(at: start) == nil)
        state.beginConnecting()
        #expect(state.refusal(at: start) == nil)
        failed(&state, at: start)
        #expect(state.refusal(at: start) == error)
        #expect(state.refusal(at: start + .milliseconds(49)) == error)
        #expect(state.refusal(at: start + .milliseconds(50)) == nil)
        state.beginConnecting()
        #expect(state.refusal(at: start + .seconds(60)) == error)
        state.connected()
        #expect(state.refusal(at: start) == nil && state.failures == 0)
    }

    @Test("back-off doubles up to its cap, with jitter of half to all of it")
    func backsOff() {
        var state = LinkState()
        for expected in [50, 100, 200, 400, 800, 1_600, 2_000, 2_000] {
            failed(&state, at: start)
            #expect(state.phase == .down(until: start + .milliseconds(expected)))
        }
        for _ in 0..<100 { failed(&state, at: start, jitter: 0) }
        #expect(state.phase == .down(until: start + .seconds(1)))
    }

    @Test("a lost connection is made anew at once, with the back-off forgotten")
    func losing() {
        var state = LinkState()
        failed(&state, at: start)
        state.beginConnecting()
        state.connected()
        state.lost()
        #expect(state.phase == .idle && state.refusal(at: start) == nil)
        failed(&state, at: start)
        #expect(state.phase == .down(until: start + .milliseconds(50)))
    }

    @Test("closed is for ever")
    func closing() {
        var state = LinkState()
        state.close()
        state.beginConnecting()
        state.connected()
        state.lost()
        failed(&state, at: start)
        #expect(state.phase == .closed && state.refusal(at: start)?.code == .closed)
    }
}
