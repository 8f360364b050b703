import SluiceBroker
import SluiceCore
import SluiceRedis
import SluiceTestKit
import Testing

@Suite("Wake-ups on Redis", .enabled(if: TestHints.isPossible), .timeLimit(.minutes(2)))
struct WakeUpTests {
    @Test("an offer wakes who waits for that queue, and says which it was")
    func wakes() async throws {
        let test = try TestHints()
        async let woken = test.hints.waitForWork(queues: [.embedding, .ingestion], atMost: .seconds(60))
        let other = Task { try await test.hints.waitForWork(queues: [.maintenance], atMost: .seconds(600)) }
        try await eventually("both wait") { try await test.waiterCount() == 2 }
        _ = try await test.hints.offer(ids(1..<2), queue: .ingestion, windowLimit: 10)
        #expect(try await woken == .ingestion)
        // The other queue's waiter sleeps on.
        #expect(try await test.waiterCount() == 1)
        other.cancel()
        #expect(try await other.value == nil)
        try await test.close()
    }

    @Test("who comes late still finds the marker; an empty window leaves none")
    func late() async throws {
        let test = try TestHints()
        _ = try await test.hints.offer(ids(1..<3), queue: .ingestion, windowLimit: 10)
        #expect(try await test.hints.waitForWork(queues: [.ingestion], atMost: .seconds(30)) == .ingestion)
        #expect(try await test.hints.fetch(queue: .ingestion, worker: .random(), limit: 10).count == 2)
        #expect(try await test.hints.waitForWork(queues: [.ingestion], atMost: .milliseconds(20)) == nil)
        #expect(try await test.hints.waitForWork(queues: [], atMost: .seconds(30)) == nil)
        #expect(try await test.hints.waitForWork(queues: [.ingestion], atMost: .zero) == nil)
        try await test.close()
    }

    @Test("one large offer wakes a few, each of whom wakes the next, until the window is empty")
    func chain() async throws {
        let test = try TestHints()
        let count = 24
        let taken = try await withThrowingTaskGroup { group in
            for number in 0..<count {
                group.addTask {
                    let queue = try await test.hints.waitForWork(queues: [.ingestion], atMost: .seconds(60))
                    #expect(queue == .ingestion)
                    let worker = WorkerID(high: 9, low: UInt64(number))
                    return try await test.hints.fetch(queue: .ingestion, worker: worker, limit: 10)
                }
            }
            try await eventually("all wait") { try await test.waiterCount() == count }
            _ = try await test.hints.offer(ids(1..<10 * count + 1), queue: .ingestion, windowLimit: 1_000)
            // Nothing else is offered: without the chain the others would wait for a minute, and then fail.
            return try await group.reduce(into: [TaskID]()) { $0 += $1 }
        }
        #expect(taken.sorted() == ids(1..<10 * count + 1))
        try await test.close()
    }

    @Test("handing back wakes another worker")
    func handBackWakes() async throws {
        let test = try TestHints()
        let worker = WorkerID.random()
        _ = try await test.hints.offer(ids(1..<4), queue: .ingestion, windowLimit: 10)
        let mine = try await test.hints.fetch(queue: .ingestion, worker: worker, limit: 10)
        async let woken = test.hints.waitForWork(queues: [.ingestion], atMost: .seconds(30))
        try await eventually("it waits") { try await test.waiterCount() == 1 }
        try await test.hints.handBack(mine, queue: .ingestion, worker: worker)
        #expect(try await woken == .ingestion)
        try await test.close()
    }

    @Test("a cancelled waiter returns nil at once and lets go of the server")
    func cancelled() async throws {
        let test = try TestHints()
        let waiting = Task { try await test.hints.waitForWork(queues: QueueName.all, atMost: .seconds(600)) }
        try await eventually("it waits") { try await test.waiterCount() == 1 }
        waiting.cancel()
        #expect(try await waiting.value == nil)
        try await eventually("the server let go") { try await test.waiterCount() == 0 }
        let cancelledBefore = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await test.hints.waitForWork(queues: QueueName.all, atMost: .seconds(600))
        }
        #expect(try await cancelledBefore.value == nil)
        try await test.close()
    }
}
