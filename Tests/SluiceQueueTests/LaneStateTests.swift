import SluiceCore
import SluiceQueue
import SluiceTestKit
import Testing

@Suite("A queue's lane")
struct LaneStateTests {
    private let start = ContinuousClock.now

    @Test("claims what its slots can take, and nothing ahead of slow tasks")
    func slowTasks() {
        var lane = LaneState(concurrency: 4, lookahead: .milliseconds(50))
        for id in 1...40 {
            #expect(lane.room() > 0)
            lane.claimed([claimed(Int64(id))], at: start)
            #expect(lane.take(at: start) != nil)
            _ = lane.ended(after: .seconds(1))
        }
        #expect(lane.ahead == 0)
        #expect(lane.room() == 4)
        lane.claimed((1...4).map { claimed($0) }, at: start)
        #expect(lane.room() == 0)
        while lane.take(at: start) != nil {}
        #expect(lane.running == 4)
        #expect(lane.room() == 0)
        // The one who frees a slot tells the loop that waits.
        #expect(lane.ended(after: .seconds(1)) == true)
        #expect(lane.room() == 1)
    }

    @Test("claims tiny tasks ahead, in batches, at most what it may")
    func tinyTasks() {
        var lane = LaneState(concurrency: 4, lookahead: .milliseconds(50))
        for id in 1...40 {
            lane.claimed([claimed(Int64(id))], at: start)
            #expect(lane.take(at: start) != nil)
            _ = lane.ended(after: .milliseconds(1))
        }
        #expect(lane.ahead == 200)
        #expect(lane.room() == 204)
        lane.claimed((1...204).map { claimed($0) }, at: start)
        #expect(lane.room() == 0)
        // Not for every single slot, but when half has gone.
        var rings = 0
        for _ in 1...150 {
            while lane.take(at: start) != nil {}
            if lane.ended(after: .milliseconds(1)) { rings += 1 }
        }
        #expect(rings == 1)
        var fastest = LaneState(concurrency: 1_000, lookahead: .milliseconds(50))
        for id in 1...40 {
            fastest.claimed([claimed(Int64(id))], at: start)
            #expect(fastest.take(at: start) != nil)
            _ = fastest.ended(after: .microseconds(10))
        }
        #expect(fastest.ahead == LaneState.claimLimit)
        #expect(fastest.room() == LaneState.claimLimit)
    }

    @Test("gives back what waits behind slots that stay busy, and learns anew")
    func misjudged() {
        var lane = LaneState(concurrency: 1, lookahead: .milliseconds(50))
        for id in 1...20 {
            lane.claimed([claimed(Int64(id))], at: start)
            #expect(lane.take(at: start) != nil)
            _ = lane.ended(after: .milliseconds(1))
        }
        lane.claimed((21...30).map { claimed($0) }, at: start)
        #expect(lane.take(at: start) != nil)
        #expect(lane.drainStuck(at: start + .milliseconds(100), limit: .milliseconds(500)).isEmpty)
        #expect(lane.drainStuck(at: start + .milliseconds(500), limit: .milliseconds(500)).count == 9)
        #expect(lane.ahead == 0)
        #expect(lane.ready == 0)
    }

    @Test(
        "every task is started or given back, once; never more at a time than slots",
        arguments: 0..<20 as Range<UInt64>
    )
    func randomSequences(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let concurrency = Int.random(in: 1...64, using: &generator)
        var lane = LaneState(concurrency: concurrency, lookahead: .milliseconds(50))
        var now = start
        var next: Int64 = 0
        var seen: Set<TaskID> = []
        var running = 0
        for _ in 0..<5_000 {
            now += .milliseconds(Int.random(in: 0...3, using: &generator))
            switch Int.random(in: 0..<8, using: &generator) {
            case 0, 1:
                let room = lane.room()
                #expect(room >= 0 && room <= LaneState.claimLimit)
                guard room > 0 else { continue }
                #expect(lane.ready + lane.running + room <= concurrency + lane.ahead)
                let count = Int64(Int.random(in: 1...room, using: &generator))
                lane.claimed((next + 1...next + count).map { claimed($0) }, at: now)
                next += count
            case 2...4:
                while let task = lane.take(at: now) {
                    #expect(seen.insert(task.id).inserted)
                    running += 1
                }
                #expect(running <= concurrency)
            case 5, 6:
                guard running > 0 else { continue }
                running -= 1
                _ = lane.ended(after: .microseconds(Int.random(in: 1...20_000, using: &generator)))
            default:
                for task in lane.drainStuck(at: now, limit: .milliseconds(20)) {
                    #expect(seen.insert(task.id).inserted)
                }
            }
            #expect(lane.running == running)
        }
        for task in lane.drain() { #expect(seen.insert(task.id).inserted) }
        #expect(seen.count == Int(next))
    }
}
