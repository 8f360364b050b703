import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("What a worker holds")
struct HoldTableTests {
    private let start = ContinuousClock.now
    private let me = WorkerID.random()

    private func table(_ fences: [Fence]) -> HoldTable<Int> {
        var table = HoldTable<Int>()
        table.begin(me)
        #expect(table.claimed(fences, by: me) == true)
        return table
    }

    @Test("the way of a claim")
    func way() {
        var table = table([fence(1)])
        #expect(table.start(fence(1), 1, deadline: start + .seconds(60)) == true)
        #expect(table.start(fence(1), 1, deadline: start + .seconds(60)) == false)
        #expect(table.runningCount == 1)
        #expect(table.finish(fence(1)) == .settle(me, nil))
        #expect(table.finish(fence(1)) == .discard)
        #expect(table.fences == [fence(1)])
        table.remove(fence(1))
        #expect(table.isQuiet)
    }

    @Test("claims granted to an incarnation that has ended are refused")
    func lateClaims() {
        var table = HoldTable<Int>()
        #expect(table.claimed([fence(1)], by: me) == false)
        table.begin(me)
        _ = table.loseAll(at: start)
        #expect(table.claimed([fence(1)], by: me) == false)
        table.begin(.random())
        #expect(table.claimed([fence(1)], by: me) == false)
        #expect(table.isQuiet)
    }

    @Test("lost claims: waiting ones are not started, running ones stopped and discarded, settling ones left alone")
    func losing() {
        var table = table([fence(1), fence(2), fence(3)])
        #expect(table.start(fence(2), 2, deadline: start + .seconds(60)) == true)
        #expect(table.start(fence(3), 3, deadline: start + .seconds(60)) == true)
        #expect(table.finish(fence(3)) == .settle(me, nil))
        #expect(table.lose([fence(1), fence(2), fence(3), fence(4)], at: start) == [2])
        #expect(table.start(fence(1), 1, deadline: start + .seconds(60)) == false)
        #expect(table.fences == [fence(3)])
        #expect(table.finish(fence(2)) == .discard)
    }

    @Test("deadlines: stopped once, with the reason kept, given up after the grace")
    func deadlines() {
        var table = table([fence(1)])
        #expect(table.start(fence(1), 1, deadline: start + .seconds(10)) == true)
        expect(table.enforceDeadlines(at: start + .seconds(9), grace: .seconds(5)), due: [], hung: [])
        expect(table.enforceDeadlines(at: start + .seconds(10), grace: .seconds(5)), due: [1], hung: [])
        #expect(table.stopAll(.drain, at: start + .seconds(11)) == [])
        expect(table.enforceDeadlines(at: start + .seconds(14), grace: .seconds(5)), due: [], hung: [])
        expect(table.enforceDeadlines(at: start + .seconds(15), grace: .seconds(5)), due: [], hung: [1])
        #expect(table.finish(fence(1)) == .settle(me, .deadline))
        expect(table.enforceDeadlines(at: start + .seconds(16), grace: .seconds(5)), due: [], hung: [])
    }

    @Test("attempts whose lease was lost are given up after the grace too, once")
    func orphans() {
        var table = table([fence(1)])
        #expect(table.start(fence(1), 1, deadline: start + .seconds(10)) == true)
        #expect(table.loseAll(at: start) == [1])
        #expect(!table.isQuiet)
        #expect(table.fences.isEmpty)
        expect(table.enforceDeadlines(at: start + .seconds(5), grace: .seconds(5)), due: [], hung: [1])
        #expect(table.isQuiet)
        #expect(table.finish(fence(1)) == .discard)
    }

    @Test("each claim is settled at most once, by its own incarnation", arguments: 0..<30 as Range<UInt64>)
    func randomSequences(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var table = HoldTable<Int64>()
        var now = start
        var incarnation: WorkerID?
        var owner: [Fence: WorkerID] = [:]
        var settled: Set<Fence> = []
        var lost: Set<Fence> = []
        var running: Set<Fence> = []
        var next: Int64 = 0
        for _ in 0..<3_000 {
            now += .milliseconds(Int.random(in: 0...500, using: &generator))
            switch Int.random(in: 0..<9, using: &generator) {
            case 0 where incarnation == nil:
                let id = WorkerID.random()
                incarnation = id
                table.begin(id)
            case 1, 2:
                next += 1
                let id = incarnation ?? .random()
                if table.claimed([fence(next)], by: id) { owner[fence(next)] = id }
                #expect((owner[fence(next)] != nil) == (incarnation != nil))
            case 3, 4:
                guard let ready = table.fences.randomElement(using: &generator) else { continue }
                if table.start(ready, ready.task.rawValue, deadline: now + .seconds(5)) {
                    #expect(running.insert(ready).inserted)
                }
            case 5, 6:
                guard let ended = running.randomElement(using: &generator) else { continue }
                running.remove(ended)
                if case .settle(let id, _) = table.finish(ended) {
                    #expect(settled.insert(ended).inserted, "settled twice")
                    #expect(owner[ended] == id)
                    #expect(!lost.contains(ended), "settled after its loss")
                    if Bool.random(using: &generator) { table.remove(ended) }
                }
            case 7:
                let some = Set(table.fences.filter { _ in Int.random(in: 0..<8, using: &generator) == 0 })
                _ = table.lose(some, at: now)
                lost.formUnion(some.subtracting(settled))
            case 8 where Int.random(in: 0..<10, using: &generator) == 0:
                lost.formUnion(Set(table.fences).subtracting(settled))
                _ = table.loseAll(at: now)
                incarnation = nil
            default:
                for fence in table.enforceDeadlines(at: now, grace: .seconds(1)).hung.map({ fence($0) }) {
                    guard running.contains(fence) else { continue }
                    running.remove(fence)
                    if case .settle = table.finish(fence) {
                        #expect(settled.insert(fence).inserted, "settled twice")
                        #expect(!lost.contains(fence), "settled after its loss")
                    }
                }
            }
            #expect(table.runningCount <= running.count)
        }
    }
}

private func expect(
    _ result: (due: [Int], hung: [Int]),
    due: [Int],
    hung: [Int],
    at location: SourceLocation = #_sourceLocation
) {
    #expect(result.due == due, sourceLocation: location)
    #expect(result.hung == hung, sourceLocation: location)
}
