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

    /// Three dear looks, of which the last ended at `start`.
    private func remembering(_ heads: [Candidate] = [], cost: Duration = .milliseconds(100)) -> StreamMemory {
        var memory = StreamMemory()
        memory.found(heads)
        for _ in 0..<3 { memory.looked(page, cost: cost, at: start) }
        memory.found(heads)
        return memory
    }

    private func other(_ name: String) -> BacklogStream {
        BacklogStream(tenant: .default, kind: TaskKind(trusted: name), priority: 5, weight: 1)
    }

    @Test("while looks are cheap, every look is whole and nothing is remembered")
    func cheap() {
        var memory = StreamMemory()
        for _ in 0..<10 {
            memory.found([head(1, at: 1_000_000)])
            memory.looked(page, cost: .milliseconds(3), at: start)
        }
        #expect(memory.remembered == nil && memory.start(of: stream) == nil)
        #expect(!memory.seeks(at: start) && memory.review(at: start + .seconds(60)) == nil)
    }

    @Test("three dear looks in a row, or a very dear one, are remembered; an accident is not")
    func dear() {
        for cost in [25, 100, 999] {
            var memory = StreamMemory()
            for other in [cost, cost, 3, cost, cost] {
                memory.looked(page, cost: .milliseconds(other), at: start)
                #expect(memory.remembered == nil)
            }
            memory.looked(page, cost: .milliseconds(cost), at: start)
            #expect(memory.remembered == page)
        }
        var memory = StreamMemory()
        memory.looked(page, cost: .seconds(1), at: start)
        #expect(memory.remembered == page)
    }

    @Test("streams are read from a little before where they began last")
    func marks() {
        var memory = remembering([head(2, at: 90_000_000), head(1, at: 80_000_000)])
        #expect(memory.start(of: stream) == 79_900_000)
        memory.found([head(3, at: 95_000_000)])
        #expect(memory.start(of: stream) == 94_900_000)
        memory.found([])
        #expect(memory.start(of: stream) == 94_900_000, "an empty look says nothing about where it begins")
        #expect(memory.start(of: other("other")) == nil)
    }

    @Test("new streams are sought as often as the cost allows, and at once where one was found")
    func seeking() {
        var memory = remembering()
        #expect(memory.seeks(at: start))
        memory.sought([], cost: .milliseconds(1), at: start)
        #expect(!memory.seeks(at: start + .milliseconds(49)) && memory.seeks(at: start + .milliseconds(50)))
        memory.sought([], cost: .milliseconds(10), at: start)
        #expect(!memory.seeks(at: start + .milliseconds(199)) && memory.seeks(at: start + .milliseconds(200)))
        memory.sought([other("new"), stream], cost: .milliseconds(10), at: start)
        #expect(memory.remembered?.streams == [stream, other("new")] && memory.seeks(at: start))
        memory.sought((0..<StreamMemory.most).map { other("k\($0)") }, cost: .zero, at: start)
        #expect(memory.remembered == nil, "too many to remember: looks are whole again")
    }

    @Test("a near review each second, one of everything each five, and both more rarely when they are dear")
    func reviews() {
        var memory = remembering([head(1, at: 80_000_000)])
        #expect(memory.review(at: start) == nil)
        let first = start + .seconds(1)
        #expect(memory.review(at: first) == .near)
        #expect(memory.begin(.near).map(\.since) == [75_000_000] && memory.begin(.all).map(\.since) == [nil])
        memory.reviewed(.near, [], cost: .milliseconds(200), at: first)
        #expect(memory.review(at: first + .milliseconds(3_999)) == nil)
        #expect(memory.review(at: first + .seconds(4)) == .all)
        memory.reviewed(.all, [], cost: .seconds(2), at: first)
        #expect(memory.review(at: first + .seconds(39)) == .near)
        #expect(memory.review(at: first + .seconds(40)) == .all)
        memory.reviewed(.all, [], cost: .milliseconds(10), at: first)
        #expect(memory.remembered == nil, "nothing is in the way any more")
    }

    @Test("a few tasks before the mark are given once; where there are many, reading begins with them")
    func strays() {
        var memory = remembering([head(9, at: 80_000_000)])
        memory.reviewed(.all, [head(1, at: 1_000_000), head(9, at: 80_000_000)], cost: .seconds(1), at: start)
        #expect(memory.start(of: stream) == 79_900_000)
        #expect(memory.strays(of: [other("other")]).isEmpty)
        // Until it is chosen: a look that is made again must not lose it.
        for _ in 0..<2 { #expect(memory.strays(of: [stream]).map(\.id.rawValue) == [1]) }
        memory.chose([head(9, at: 80_000_000)])
        #expect(memory.strays(of: [stream]).count == 1)
        memory.chose([head(1, at: 1_000_000)])
        #expect(memory.strays(of: [stream]).isEmpty)
        let many = (1...Int64(StreamMemory.reviewed)).map { head($0, at: 1_000_000 + $0) }
        memory.reviewed(.near, many, cost: .seconds(1), at: start)
        #expect(memory.start(of: stream) == 900_001 && memory.strays(of: [stream]).isEmpty)
    }

    @Test("what comes back is read again when it lies near, and reviewed when it does not")
    func cameBack() {
        var memory = remembering([head(1, at: 80_000_000)])
        memory.cameBack(from: 78_000_000)
        #expect(memory.start(of: stream) == 77_900_000 && memory.review(at: start) == nil)
        memory.cameBack(from: 79_000_000)
        #expect(memory.start(of: stream) == 77_900_000)
        memory.cameBack(from: 10_000_000)
        #expect(memory.start(of: stream) == 77_900_000 && memory.review(at: start) == .all)
        // What comes back while a review reads may lie where it has been: soon the next.
        _ = memory.begin(.all)
        memory.cameBack(from: nil)
        memory.reviewed(.all, [], cost: .seconds(1), at: start)
        #expect(memory.review(at: start + .milliseconds(999)) == nil && memory.review(at: start + .seconds(1)) == .all)
        _ = memory.begin(.all)
        memory.reviewed(.all, [], cost: .seconds(1), at: start)
        #expect(memory.review(at: start) == nil)
        memory.cameBack(from: nil)
        #expect(memory.review(at: start) == .all)
    }

    @Test("a page that is not all of the queue is never remembered")
    func pages() {
        var memory = StreamMemory()
        memory.looked(StreamMemory.Page(streams: [stream], isWhole: false), cost: .seconds(1), at: start)
        #expect(memory.remembered == nil)
    }
}
