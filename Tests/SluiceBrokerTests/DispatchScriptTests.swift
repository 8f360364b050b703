import SluiceBroker
import SluiceCore
import SluiceQueue
import SluiceRedis
import SluiceTestKit
import Testing

@Suite("Gates, calls and token buckets on Redis", .enabled(if: TestHints.isPossible), .timeLimit(.minutes(2)))
struct DispatchScriptTests {
    @Test("a gate keeps announcements out; what is not taken calls the relay, once")
    func gates() async throws {
        let test = try TestHints()
        let hints = test.hints
        #expect(try await hints.announce(ids(1..<4), queue: .ingestion, windowLimit: 10) == 3)
        #expect(try await !hints.waitForCall(atMost: .milliseconds(10)), "all were taken: nobody is called")
        #expect(try await hints.announce(ids(4..<31), queue: .ingestion, windowLimit: 10) == 7)
        _ = try await hints.announce(ids(4..<31), queue: .ingestion, windowLimit: 10)
        #expect(try await hints.waitForCall(atMost: .seconds(5)))
        #expect(try await !hints.waitForCall(atMost: .milliseconds(10)), "two calls are one")
        try await hints.setGates(closed: [.embedding], open: [.ingestion])
        #expect(try await hints.announce(ids(1..<3), queue: .embedding, windowLimit: 10) == 0)
        #expect(try await hints.waitForCall(atMost: .seconds(5)))
        #expect(try await hints.offer(ids(1..<3), queue: .embedding, windowLimit: 10) == 2, "the relay passes")
        try await hints.setGates(closed: [], open: [.embedding])
        #expect(try await hints.announce(ids(3..<4), queue: .embedding, windowLimit: 10) == 1)
        try await test.close()
    }

    @Test("who waits for a call is woken by it")
    func calls() async throws {
        let test = try TestHints()
        async let called = test.hints.waitForCall(atMost: .seconds(60))
        try await eventually("it waits") { try await test.waiterCount() == 1 }
        _ = try await test.hints.announce(ids(1..<100), queue: .ingestion, windowLimit: 4)
        #expect(try await called)
        try await test.close()
    }

    @Test("withdrawn ids leave the window, the others keep their order", arguments: 0..<8 as Range<UInt64>)
    func withdraws(seed: UInt64) async throws {
        var random = Seeded(seed: seed)
        let test = try TestHints()
        var model = HintModel()
        let all = ids(1..<Int.random(in: 2...3_000, using: &random)).shuffled(using: &random)
        _ = try await test.hints.offer(all, queue: .ingestion, windowLimit: 4_096)
        _ = model.offer(all, queue: .ingestion, windowLimit: 4_096)
        let gone =
            all.shuffled(using: &random).prefix(Int.random(in: 0...all.count, using: &random)) + ids(9_000..<9_003)
        let count = try await test.hints.withdraw(Array(gone), queue: .ingestion)
        #expect(count == model.withdraw(Array(gone), queue: .ingestion))
        #expect(try await test.hints.windowIDs(.ingestion) == model.windows[.ingestion] ?? [])
        #expect(try await test.markerCount(.ingestion) == min(8, all.count - count))
        try await test.close()
    }

    @Test("buckets do what the model does, at any rate", arguments: 0..<12 as Range<UInt64>)
    func buckets(seed: UInt64) async throws {
        var random = Seeded(seed: seed)
        let test = try TestHints()
        let scopes: [ControlScope] = [
            .queue(.ingestion), .tenant(.default, in: nil), .tenant(.default, in: .ingestion),
            .kind(TaskKind(trusted: "default")),
        ]
        // So slow that time does not count, to the token; or so fast that a bucket is always full.
        let rates = scopes.map { _ in
            let burst = Int.random(in: 1...50, using: &random)
            return RateLimit(perSecond: Bool.random(using: &random) ? 0.000_01 : 1_000_000, burst: burst)
        }.compactMap(\.self)
        var model = [Int?](repeating: nil, count: scopes.count)
        for _ in 0..<120 {
            let chosen = scopes.indices.filter { _ in Bool.random(using: &random) }
            let requests = chosen.map {
                TokenRequest(scope: scopes[$0], rate: rates[$0], count: Int.random(in: 0...20, using: &random))
            }
            let isReturn = Int.random(in: 0..<4, using: &random) == 0
            let taken = isReturn ? [] : try await test.hints.takeTokens(requests)
            if isReturn { try await test.hints.returnTokens(requests) }
            for (position, index) in chosen.enumerated() {
                let isFast = rates[index].perSecond > 1
                let burst = rates[index].burst
                let present = isFast ? burst : model[index] ?? burst
                if isReturn {
                    model[index] = min(burst, present + requests[position].count)
                } else {
                    #expect(taken[position] == min(present, requests[position].count))
                    model[index] = present - taken[position]
                }
            }
        }
        try await test.close()
    }

    @Test("a bucket fills by the server's clock, never beyond its burst, and vanishes when it is full")
    func fills() async throws {
        let test = try TestHints()
        let rate = try #require(RateLimit(perSecond: 100, burst: 30))
        let scope = ControlScope.kind(TaskKind(trusted: "probe"))
        func take(_ count: Int) async throws -> Int {
            try await test.hints.takeTokens([TokenRequest(scope: scope, rate: rate, count: count)])[0]
        }
        let start = Instant.now
        var taken = try await take(1_000)
        #expect(taken == 30)
        try await eventually("a hundred were taken") {
            taken += try await take(7)
            return taken >= 100
        }
        #expect(Double(taken) <= 30 + start.elapsed.inSeconds * 100 + 1)
        let key = "{\(test.prefix)}:rate:kind:probe"
        try await eventually("the bucket is gone") {
            try await test.client.command(["EXISTS", .text(key)]).number == 0
        }
        #expect(try await take(1_000) == 30)
        try await test.close()
    }

    @Test("dropping all leaves nothing but what workers hold and what rates have used up")
    func drops() async throws {
        let test = try TestHints()
        let worker = WorkerID.random()
        _ = try await test.hints.offer(ids(1..<11), queue: .ingestion, windowLimit: 100)
        _ = try await test.hints.fetch(queue: .ingestion, worker: worker, limit: 3)
        try await test.hints.setGates(closed: [.embedding], open: [])
        #expect(try await test.hints.dropAll(QueueName.all) == 7)
        #expect(try await test.hints.windowCounts([.ingestion]) == [.ingestion: 0])
        #expect(try await test.markerCount(.ingestion) == 0)
        #expect(try await test.held(by: worker) == Set(ids(1..<4)))
        #expect(try await test.hints.announce(ids(1..<2), queue: .embedding, windowLimit: 10) == 1)
        try await test.close()
    }
}
