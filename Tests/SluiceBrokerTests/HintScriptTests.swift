import SluiceBroker
import SluiceCore
import SluiceRedis
import SluiceTestKit
import Testing

@Suite("Hints on Redis, against a model in Swift", .enabled(if: TestHints.isPossible), .timeLimit(.minutes(2)))
struct HintScriptTests {
    @Test("any sequence of calls does what the model does", arguments: 0..<12)
    func random(seed: UInt64) async throws {
        var random = Seeded(seed: seed)
        let test = try TestHints()
        let hints = test.hints
        var model = HintModel()
        let queues = QueueName.all
        let workers = (0..<3).map { WorkerID(high: seed &+ 1, low: UInt64($0)) }
        var next = 1
        for _ in 0..<250 {
            let queue = queues[Int.random(in: 0..<queues.count, using: &random)]
            let worker = workers[Int.random(in: 0..<workers.count, using: &random)]
            // What it holds, in any order, some of it twice, and some that it does not hold.
            var some = (model.held[worker] ?? []).sorted().shuffled(using: &random)
            some = Array(some.prefix(Int.random(in: 0...8, using: &random)))
            if Bool.random(using: &random) { some += some.prefix(2) + ids(1_000_000..<1_000_002) }
            switch Int.random(in: 0..<15, using: &random) {
            case 0...3:
                let count = Int.random(in: 0...20, using: &random)
                let limit = Int.random(in: 0...40, using: &random)
                let offered = ids(next..<next + count)
                // Some ids come again: a new leader knows nothing of what the old one pushed.
                next += Bool.random(using: &random) ? count : count / 2
                let taken = try await hints.offer(offered, queue: queue, windowLimit: limit)
                #expect(taken == model.offer(offered, queue: queue, windowLimit: limit))
            case 4...7:
                let limit = Int.random(in: 0...12, using: &random)
                let fetched = try await hints.fetch(queue: queue, worker: worker, limit: limit)
                #expect(fetched == model.fetch(queue: queue, worker: worker, limit: limit))
            case 8:
                try await hints.acknowledge(some, worker: worker)
                model.acknowledge(some, worker: worker)
            case 9:
                try await hints.handBack(some, queue: queue, worker: worker)
                model.handBack(some, queue: queue, worker: worker)
            case 10:
                let taken = try await hints.reclaim(worker: worker)
                #expect(Set(taken) == model.reclaim(worker: worker))
            case 11:
                try await hints.clear(queue: queue)
                model.clear(queue: queue)
            case 12:
                let gone = Array((model.windows[queue] ?? []).shuffled(using: &random).prefix(5)) + some
                let count = try await hints.withdraw(gone, queue: queue)
                #expect(count == model.withdraw(gone, queue: queue))
            default:
                let offered = ids(next..<next + Int.random(in: 0...20, using: &random))
                next += offered.count
                let limit = Int.random(in: 0...40, using: &random)
                let isOpen = Bool.random(using: &random)
                try await hints.setGates(closed: isOpen ? [] : [queue], open: isOpen ? [queue] : [])
                let taken = try await hints.announce(offered, queue: queue, windowLimit: limit)
                #expect(taken == model.announce(offered, queue: queue, windowLimit: limit, isOpen: isOpen))
            }
            try await compare(test, model, queues, workers)
        }
        try await test.close()
    }

    private func compare(
        _ test: TestHints,
        _ model: HintModel,
        _ queues: [QueueName],
        _ workers: [WorkerID]
    ) async throws {
        let counts = try await test.hints.windowCounts(queues)
        for queue in queues {
            let window = model.windows[queue] ?? []
            #expect(counts[queue] == window.count)
            #expect(try await test.hints.windowIDs(queue) == window)
            #expect(try await test.markerCount(queue) == min(8, window.count))
        }
        for worker in workers { #expect(try await test.held(by: worker) == model.held[worker] ?? []) }
        #expect(Set(try await test.hints.incarnations()) == Set(model.held.keys))
    }

    @Test("ids beyond Lua's stack and of 64 bits pass unharmed")
    func large() async throws {
        let test = try TestHints()
        let worker = WorkerID.random()
        // Doubles would round these.
        let many = (0..<20_000).map { TaskID(rawValue: Int64.max - Int64($0)) }
        #expect(try await test.hints.offer(many, queue: .ingestion, windowLimit: 50_000) == 20_000)
        #expect(try await test.hints.windowIDs(.ingestion) == many)
        var fetched: [TaskID] = []
        while true {
            let part = try await test.hints.fetch(queue: .ingestion, worker: worker, limit: 100_000)
            if part.isEmpty { break }
            fetched += part
        }
        #expect(fetched == many)
        try await test.hints.handBack(Array(fetched.prefix(12_000)), queue: .ingestion, worker: worker)
        #expect(try await test.hints.windowIDs(.ingestion) == Array(many.prefix(12_000)))
        try await test.hints.acknowledge(Array(fetched.dropFirst(12_000)), worker: worker)
        #expect(try await test.hints.incarnations().isEmpty)
        try await test.close()
    }

    @Test("workers that fetch at once share the window without doubles")
    func disjoint() async throws {
        let test = try TestHints()
        let all = ids(1..<3_001)
        _ = try await test.hints.offer(all, queue: .embedding, windowLimit: 5_000)
        let fetched = try await withThrowingTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    let worker = WorkerID(high: 7, low: UInt64(number))
                    var mine: [TaskID] = []
                    while true {
                        let ids = try await test.hints.fetch(queue: .embedding, worker: worker, limit: 7)
                        if ids.isEmpty { return mine }
                        try await test.hints.acknowledge(ids, worker: worker)
                        mine += ids
                    }
                }
            }
            return try await group.reduce(into: [TaskID]()) { $0 += $1 }
        }
        #expect(fetched.sorted() == all)
        try await test.close()
    }

    @Test("what another program left in a window is dropped")
    func foreign() async throws {
        let test = try TestHints()
        let window = "{\(test.prefix)}:window:ingestion"
        _ = try await test.client.command(["RPUSH", .text(window), "x", "5", "-1", "", "9223372036854775808", "0"])
        #expect(try await test.hints.fetch(queue: .ingestion, worker: .random(), limit: 10) == ids(5..<6))
        try await test.close()
    }

    @Test("health and round trip")
    func health() async throws {
        let test = try TestHints()
        #expect(try await test.hints.ping() > .zero)
        let health = try await test.hints.health()
        #expect(health.version.first?.isNumber ?? false)
        #expect(health.usedBytes > 0 && health.roundTrip > .zero)
        try await test.close()
    }
}

/// SplitMix64: the same numbers for the same seed, so that a failing case can be run again.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
