import SluiceBroker
import SluiceCore
import SluiceRedis
import SluiceTestKit
import Testing

/// On servers of their own, which they flush, fill and stop.
@Suite("Hints when Redis fails", .enabled(if: TestHints.isPossible), .timeLimit(.minutes(2)))
struct HintOutageTests {
    @Test("FLUSHALL and SCRIPT FLUSH in the middle lose hints and nothing else")
    func flushed() async throws {
        try await withRedisServer { server in
            let test = try TestHints(url: server.url)
            let hints = test.hints
            let worker = WorkerID.random()
            _ = try await hints.offer(ids(1..<11), queue: .ingestion, windowLimit: 100)
            let mine = try await hints.fetch(queue: .ingestion, worker: worker, limit: 4)
            for command: RedisCommand in [["FLUSHALL"], ["SCRIPT", "FLUSH"]] {
                _ = try await test.client.command(command)
            }
            #expect(try await hints.windowCounts([.ingestion]) == [.ingestion: 0])
            // It holds nothing any more, so nothing goes back: the relay brings what is still to be done.
            try await hints.handBack(mine, queue: .ingestion, worker: worker)
            try await hints.acknowledge(mine, worker: worker)
            #expect(try await hints.windowIDs(.ingestion).isEmpty)
            #expect(try await hints.offer(ids(1..<11), queue: .ingestion, windowLimit: 100) == 10)
            #expect(try await hints.fetch(queue: .ingestion, worker: worker, limit: 100) == ids(1..<11))
            try await test.close()
        }
    }

    @Test("a waiter that sits through FLUSHALL is woken by the next offer")
    func flushedWhileWaiting() async throws {
        try await withRedisServer { server in
            let test = try TestHints(url: server.url)
            async let woken = test.hints.waitForWork(queues: [.ingestion], atMost: .seconds(60))
            try await eventually("it waits") { try await test.waiterCount() == 1 }
            _ = try await test.client.command(["FLUSHALL"])
            _ = try await test.hints.offer(ids(1..<2), queue: .ingestion, windowLimit: 10)
            #expect(try await woken == .ingestion)
            try await test.close()
        }
    }

    @Test("at maxmemory nothing is offered, and all that is there drains")
    func full() async throws {
        try await withRedisServer(["--maxmemory-policy", "noeviction"]) { server in
            let test = try TestHints(url: server.url)
            let hints = test.hints
            let worker = WorkerID.random()
            _ = try await hints.offer(ids(1..<101), queue: .ingestion, windowLimit: 1_000)
            _ = try await test.client.command(["CONFIG", "SET", "maxmemory", "1mb"])
            let error = await #expect(throws: RedisError.self) {
                try await hints.offer(ids(101..<201), queue: .ingestion, windowLimit: 1_000)
            }
            #expect(error?.code == .outOfMemory)
            #expect(try await hints.windowIDs(.ingestion) == ids(1..<101))
            let mine = try await hints.fetch(queue: .ingestion, worker: worker, limit: 60)
            #expect(mine == ids(1..<61))
            try await hints.handBack(Array(mine.suffix(10)), queue: .ingestion, worker: worker)
            try await hints.acknowledge(Array(mine.prefix(50)), worker: worker)
            #expect(try await hints.windowIDs(.ingestion) == ids(51..<101))
            let health = try await hints.health()
            #expect(health.maxBytes == 1 << 20 && health.isEvictionSafe && health.usedBytes > health.maxBytes)
            try await test.close()
        }
    }

    @Test("when the server goes every call fails, with an error that says so; when it is back they work")
    func restarted() async throws {
        try await withRedisServer { server in
            let test = try TestHints(url: server.url)
            let hints = test.hints
            let worker = WorkerID.random()
            _ = try await hints.offer(ids(1..<11), queue: .ingestion, windowLimit: 100)
            try await server.kill()
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await hints.offer(ids(1..<2), queue: .ingestion, windowLimit: 10) },
                { _ = try await hints.fetch(queue: .ingestion, worker: worker, limit: 1) },
                { _ = try await hints.waitForWork(queues: [.ingestion], atMost: .seconds(60)) },
                { try await hints.acknowledge(ids(1..<2), worker: worker) },
                { try await hints.handBack(ids(1..<2), queue: .ingestion, worker: worker) },
                { _ = try await hints.windowCounts([.ingestion]) },
                { _ = try await hints.windowIDs(.ingestion) },
                { try await hints.clear(queue: .ingestion) },
                { _ = try await hints.incarnations() },
                { _ = try await hints.reclaim(worker: worker) },
                { _ = try await hints.ping() },
                { _ = try await hints.health() },
            ]
            for call in calls {
                let error = await #expect(throws: RedisError.self) { try await call() }
                #expect(error?.isOutage ?? false)
                #expect(error?.isTransient ?? false)
            }
            try await server.start()
            try await eventually("the server is used again") {
                (try? await hints.offer(ids(1..<3), queue: .ingestion, windowLimit: 100)) == 2
            }
            #expect(try await hints.fetch(queue: .ingestion, worker: worker, limit: 10) == ids(1..<3))
            #expect(try await hints.incarnations() == [worker])
            try await test.close()
        }
    }
}
