import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("Which verdicts to write when")
struct SettleQueueTests {
    private let start = ContinuousClock.now
    private let me = WorkerID.random()

    private func begun(_ step: SettleQueue.Step) -> SettleQueue.Flush? {
        if case .flush(let flush) = step { flush } else { nil }
    }

    private func isIdle(_ step: SettleQueue.Step) -> Bool {
        if case .wait(nil) = step { true } else { false }
    }

    @Test("at once when it was quiet")
    func atOnce() throws {
        var queue = SettleQueue()
        queue.begin(me)
        #expect(isIdle(queue.next(at: start, isDraining: false)))
        #expect(queue.append(Settlement(fence(1), .completed), by: me, at: start) == true)
        let flush = try #require(begun(queue.next(at: start, isDraining: false)))
        #expect(flush.settlements.count == 1 && flush.worker == me)
        queue.succeeded(flush)
        #expect(queue.isEmpty)
    }

    @Test("what ends during a flush goes into the next; under load the first lingers")
    func gathers() throws {
        var queue = SettleQueue(batchLimit: 10, linger: .milliseconds(3))
        queue.begin(me)
        _ = queue.append(Settlement(fence(1), .completed), by: me, at: start)
        let first = try #require(begun(queue.next(at: start, isDraining: false)))
        for id in 2...5 { #expect(queue.append(Settlement(fence(Int64(id)), .completed), by: me, at: start) == false) }
        #expect(isIdle(queue.next(at: start, isDraining: false)))
        queue.succeeded(first)
        guard case .wait(let until?) = queue.next(at: start + .milliseconds(1), isDraining: false) else {
            Issue.record("does not linger")
            return
        }
        #expect(until == start + .milliseconds(3))
        #expect(begun(queue.next(at: start + .milliseconds(1), isDraining: true))?.settlements.count == 4)
    }

    @Test("a full batch flies at once, two at a time")
    func fullBatches() throws {
        var queue = SettleQueue(batchLimit: 2, linger: .seconds(1))
        queue.begin(me)
        for id in 1...6 { _ = queue.append(Settlement(fence(Int64(id)), .completed), by: me, at: start) }
        let first = try #require(begun(queue.next(at: start, isDraining: false)))
        #expect(begun(queue.next(at: start, isDraining: false)) != nil)
        #expect(isIdle(queue.next(at: start, isDraining: false)))
        queue.succeeded(first)
        #expect(begun(queue.next(at: start, isDraining: false)) != nil)
    }

    @Test("claiming stops while the backlog is full, until it is half empty")
    func backpressure() throws {
        var queue = SettleQueue(batchLimit: 1, capacity: 4)
        queue.begin(me)
        for id in 1...4 { _ = queue.append(Settlement(fence(Int64(id)), .completed), by: me, at: start) }
        #expect(queue.accepts() == false)
        for left in [3, 2] {
            queue.succeeded(try #require(begun(queue.next(at: start, isDraining: true))))
            #expect(queue.backlog == left)
            #expect(queue.accepts() == (left == 2))
        }
    }

    @Test("one verdict that can never be written is found, the others pass", arguments: [1, 2, 7, 64, 500])
    func splits(count: Int) {
        var queue = SettleQueue()
        queue.begin(me)
        var generator = SeededGenerator(seed: UInt64(count))
        let poison = Int64.random(in: 1...Int64(count), using: &generator)
        for id in 1...Int64(count) { _ = queue.append(Settlement(fence(id), .completed), by: me, at: start) }
        var written: Set<Fence> = []
        var found: [Fence] = []
        var flushes = 0
        while !queue.isEmpty {
            guard let flush = begun(queue.next(at: start, isDraining: true)) else {
                Issue.record("stuck")
                return
            }
            flushes += 1
            if flush.settlements.contains(where: { $0.fence == fence(poison) }) {
                if let alone = queue.failedForGood(flush, at: start) { found.append(alone.fence) }
            } else {
                queue.succeeded(flush)
                written.formUnion(flush.settlements.map(\.fence))
            }
        }
        #expect(found == [fence(poison)])
        #expect(written.count == count - 1)
        #expect(flushes <= 2 * 10 + 1)
    }

    @Test("nothing is lost, doubled or written after its lease ended", arguments: 0..<30 as Range<UInt64>)
    func randomSequences(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var queue = SettleQueue(batchLimit: 5, linger: .milliseconds(3), capacity: 50)
        var worker = me
        queue.begin(me)
        var now = start
        var flying: [SettleQueue.Flush] = []
        var open: Set<Fence> = []
        var written: Set<Fence> = []
        var next: Int64 = 0
        for _ in 0..<4_000 {
            now += .microseconds(Int.random(in: 0...2_000, using: &generator))
            switch Int.random(in: 0..<10, using: &generator) {
            case 0...3:
                next += 1
                open.insert(fence(next))
                _ = queue.append(Settlement(fence(next), .completed), by: worker, at: now)
            case 4...6:
                if case .flush(let flush) = queue.next(at: now, isDraining: Bool.random(using: &generator)) {
                    #expect(flush.settlements.count <= 5 && !flush.settlements.isEmpty)
                    #expect(flush.worker == worker)
                    flying.append(flush)
                    #expect(flying.count <= 2)
                }
            case 7, 8:
                guard !flying.isEmpty else { continue }
                let flush = flying.remove(at: Int.random(in: 0..<flying.count, using: &generator))
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: queue.failedForNow(flush, at: now, using: &generator)
                case 1: if let alone = queue.failedForGood(flush, at: now) { open.remove(alone.fence) }
                default:
                    queue.succeeded(flush)
                    for settlement in flush.settlements {
                        #expect(written.insert(settlement.fence).inserted, "written twice")
                        open.remove(settlement.fence)
                    }
                }
            default:
                guard Int.random(in: 0..<40, using: &generator) == 0 else { continue }
                for given in queue.abandon() { open.remove(given.fence) }
                // Those under way may still be written, behind their fence; they are not tried again.
                for flush in flying { for settlement in flush.settlements { open.remove(settlement.fence) } }
                let former = worker
                worker = .random()
                queue.begin(worker)
                #expect(queue.append(Settlement(fence(1), .completed), by: former, at: now) == false)
                #expect(queue.backlog == flying.reduce(0) { $0 + $1.settlements.count })
            }
            #expect(queue.backlog >= open.count)
        }
        while !queue.isEmpty {
            for flush in flying {
                queue.succeeded(flush)
                for settlement in flush.settlements { open.remove(settlement.fence) }
            }
            flying = []
            now += .seconds(2)
            if case .flush(let flush) = queue.next(at: now, isDraining: true) { flying.append(flush) }
        }
        #expect(open.isEmpty)
    }
}
