import SluiceCore
import SluiceQueue
import Testing

@Suite("What the relay remembers of a backlog")
struct BacklogMemoryTests {
    private let start = ContinuousClock.now
    private let stream = BacklogStream(tenant: .default, kind: TaskKind(trusted: "probe"), priority: 5, weight: 1)

    private func head(_ runAt: Int64, priority: Int = 5) -> Candidate {
        Candidate(id: TaskID(runAt), tenant: .default, kind: stream.kind, priority: priority, runAt: runAt)
    }

    @Test("cheap looks are always from the beginning, dear ones a tenth of the time, but never too seldom")
    func pace() {
        var memory = BacklogMemory()
        #expect(memory.known(at: start) == nil)
        memory.looked([stream], isWhole: true, at: start)
        #expect(memory.known(at: start) == nil, "it cost nothing")
        memory.spent(.milliseconds(99))
        #expect(memory.known(at: start) == nil, "it cost little")
        memory.spent(.milliseconds(1))
        #expect(memory.known(at: start + .milliseconds(999)) == [stream])
        #expect(memory.known(at: start + .seconds(1)) == nil)
        memory.spent(.seconds(60))
        #expect(memory.known(at: start + .seconds(14)) == [stream])
        #expect(memory.known(at: start + BacklogMemory.longest) == nil)
        memory.forget()
        #expect(memory.known(at: start) == nil)
    }

    @Test("of one page among several nothing is remembered, nor of an empty queue")
    func pages() {
        var memory = BacklogMemory()
        memory.looked([stream], isWhole: false, at: start)
        memory.spent(.seconds(1))
        #expect(memory.known(at: start) == nil)
        memory.looked([], isWhole: true, at: start)
        memory.spent(.seconds(1))
        #expect(memory.known(at: start) == nil)
    }

    @Test("streams begin where they began the last time; a look from the beginning forgets that")
    func starts() {
        var memory = BacklogMemory()
        memory.looked([stream], isWhole: true, at: start)
        memory.read([head(7), head(5), head(9), head(1, priority: 3)])
        #expect(memory.start(of: stream)?.runAt == 5)
        memory.read([head(8), head(9)])
        #expect(memory.start(of: stream) == StreamPosition(head(8)))
        memory.read([])
        #expect(memory.start(of: stream) == StreamPosition(head(8)))
        memory.looked([stream], isWhole: true, at: start)
        #expect(memory.start(of: stream) == nil)
    }
}
