import SluiceCore
import SluiceQueue
import Testing

@Suite("What the relay remembers of streams")
struct StreamMemoryTests {
    private let stream = BacklogStream(tenant: .default, kind: TaskKind(trusted: "noop"), priority: 5, weight: 1)
    private let start = ContinuousClock.now

    private var page: StreamMemory.Page { StreamMemory.Page(streams: [stream], isWhole: true) }

    private func head(_ id: Int64, at runAt: Int64) -> Candidate {
        Candidate(id: TaskID(rawValue: id), tenant: stream.tenant, kind: stream.kind, priority: 5, runAt: runAt)
    }

    @Test("while looks are cheap, every look is whole and nothing is remembered")
    func cheap() {
        var memory = StreamMemory()
        memory.found([head(1, at: 1_000)])
        memory.looked(page, cost: .milliseconds(3), at: start)
        #expect(memory.remembered(at: start) == nil)
        #expect(memory.start(of: stream) == nil)
    }

    @Test("a dear look stands in for others for as long as its cost allows, and never for long")
    func dear() {
        for (cost, pause) in [(100, 2_000), (250, 5_000), (1_000, 5_000), (4_000, 12_000)] {
            var memory = StreamMemory()
            if cost < 1_000 {
                // Two that are a little dear, with a cheap one between them and the next two, are an accident.
                for other in [cost, cost, 3, cost, cost] {
                    memory.looked(page, cost: .milliseconds(other), at: start)
                    #expect(memory.remembered(at: start) == nil)
                }
            }
            memory.looked(page, cost: .milliseconds(cost), at: start)
            #expect(memory.remembered(at: start + .milliseconds(pause - 1)) == page)
            #expect(memory.remembered(at: start + .milliseconds(pause)) == nil)
        }
    }

    @Test("streams are read from a little before where they began last")
    func marks() {
        var memory = StreamMemory()
        memory.found([head(2, at: 90_000_000), head(1, at: 80_000_000)])
        memory.looked(page, cost: .seconds(1), at: start)
        #expect(memory.start(of: stream) == 75_000_000)
        memory.found([head(3, at: 95_000_000)])
        #expect(memory.start(of: stream) == 90_000_000)
        memory.found([])
        #expect(memory.start(of: stream) == 90_000_000, "an empty look says nothing about where it begins")
        let other = BacklogStream(tenant: .default, kind: stream.kind, priority: 4, weight: 1)
        #expect(memory.start(of: other) == nil)
    }

    @Test("what comes back before the marks makes the next look whole")
    func forgotten() {
        var memory = StreamMemory()
        memory.found([head(1, at: 80_000_000)])
        memory.looked(page, cost: .seconds(1), at: start)
        memory.forget()
        #expect(memory.remembered(at: start) == nil && memory.start(of: stream) == nil)
    }

    @Test("a page that is not all of the queue is never remembered")
    func pages() {
        var memory = StreamMemory()
        memory.looked(StreamMemory.Page(streams: [stream], isWhole: false), cost: .seconds(1), at: start)
        #expect(memory.remembered(at: start) == nil)
    }
}
