import SluiceCore
import SluiceQueue
import SluiceServerKit
import SluiceTestKit
import Synchronization
import Testing

@testable import SluiceStore

@Suite("Controls on PostgreSQL", .enabled(if: TestServers.arePresent), .timeLimit(.minutes(2)))
struct ControlsTests {
    private let kind = DispatchFixture.kind
    private let other = TaskKind(trusted: "other")
    private let noisy = DispatchFixture.noisy
    private let quiet = DispatchFixture.quiet

    @Test("a pause refuses claims of its scope at once, with and without hints, and of nothing else")
    func pauses() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            let scopes: [ControlScope] = [
                .queue(.ingestion), .tenant(noisy, in: nil), .tenant(noisy, in: .ingestion), .kind(kind),
            ]
            for scope in scopes {
                let held = try await fixture.enqueue(3, tenant: noisy)
                try await fixture.enqueue(2, tenant: quiet, kind: other)
                try await store.pause(scope, reason: "test", for: nil)
                #expect(try await fixture.claim(held).isEmpty)
                // That there is a control is believed for a quarter of a second at most to be not so: until then nothing
                // of the queue is claimed.
                var open = try await fixture.claimNext(10)
                if scope == .queue(.ingestion) {
                    #expect(open.isEmpty)
                } else {
                    try await eventually("the others are claimed") {
                        open += try await fixture.claimNext(10)
                        return open.count >= 2
                    }
                    open += try await fixture.claimNext(10)
                    #expect(open.count == 2 && open.allSatisfy { $0.tenant == quiet && $0.kind == other })
                }
                let record = try #require(try await store.controls().first)
                #expect(record.scope == scope && record.isPaused && record.pauseReason == "test")
                #expect(try await store.resume(scope))
                #expect(try await !store.resume(scope), "there is nothing left to resume")
                #expect(try await store.controls().isEmpty)
                var rest: [ClaimedTask] = []
                try await eventually("the rest is claimed") {
                    rest += try await fixture.claimNext(10)
                    return open.count + rest.count == 5
                }
                try await fixture.complete(open + rest)
            }
        }
    }

    @Test("elsewhere a tenant's pause in one queue means nothing; one with an end ends by itself")
    func ends() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            try await store.pause(.tenant(noisy, in: .embedding), reason: nil, for: nil)
            let ids = try await fixture.enqueue(2, tenant: noisy)
            #expect(try await fixture.claim(ids).count == 2)
            try await store.pause(.queue(.ingestion), reason: nil, for: .milliseconds(300))
            try await fixture.enqueue(1)
            #expect(try await fixture.claimNext(1).isEmpty)
            try await eventually("the pause is over") { try await fixture.claimNext(1).count == 1 }
            #expect(try await store.controls().map(\.scope) == [.tenant(noisy, in: .embedding)])
        }
    }

    @Test("a provider's slow-down closes the queue, the longest one counts, none lasts for more than an hour")
    func slowDown() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            let ids = try await fixture.enqueue(2)
            try await fixture.tasks.slowDown(.ingestion, for: .seconds(60), reason: "429")
            try await fixture.tasks.slowDown(.ingestion, for: .seconds(5), reason: "another")
            #expect(try await fixture.claim(ids).isEmpty)
            let record = try #require(try await store.controls().first)
            #expect(record.slowReason == "429" && (50...60).contains(record.slowedForSeconds ?? 0))
            try await fixture.tasks.slowDown(.ingestion, for: .seconds(1_000_000), reason: "x")
            #expect(try #require(try await store.controls().first?.slowedForSeconds) <= 3_600)
            #expect(try await fixture.tasks.dispatchState().controls.isClosed(.ingestion))
            #expect(try await store.resume(.queue(.ingestion)))
            #expect(try await fixture.claim(ids).count == 2)
        }
    }

    @Test("many claimers at once never exceed a cap, and everything runs in the end", arguments: [false, true])
    func caps(hinted: Bool) async throws {
        try await withTestStore(poolSize: 12) { store in
            let fixture = try await DispatchFixture(store)
            let caps: [ControlScope: Int] = [
                .queue(.ingestion): 7, .tenant(noisy, in: nil): 3, .tenant(quiet, in: .ingestion): 5, .kind(other): 2,
            ]
            for (scope, cap) in caps { try await store.setMaxRunning(scope, to: cap) }
            var ids = try await fixture.enqueue(60, tenant: noisy)
            ids += try await fixture.enqueue(40, tenant: quiet)
            ids += try await fixture.enqueue(40, tenant: quiet, kind: other)
            let all = ids
            let done = Tally()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seed in 0..<8 as Range<UInt64> {
                    group.addTask {
                        var generator = SeededGenerator(seed: seed)
                        let me = try await DispatchFixture.register(fixture.tasks)
                        while done.value < all.count {
                            let room = Int.random(in: 1...6, using: &generator)
                            let some = Array(all.shuffled(using: &generator).prefix(room * 4))
                            let claimed =
                                hinted
                                ? try await fixture.tasks.claim(some, queue: .ingestion, worker: me)
                                : try await fixture.tasks.claimNext(queue: .ingestion, limit: room, worker: me)
                            // What runs is read in one snapshot: no claim of anybody's may have gone too far.
                            let running = try await fixture.tasks.running(in: Array(caps.keys))
                            for (scope, cap) in caps {
                                let count = running[scope] ?? 0
                                #expect(count <= cap, "\(scope): \(count) run, \(cap) may")
                            }
                            try await fixture.complete(claimed)
                            done.add(claimed.count)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(done.value == all.count)
        }
    }

    @Test("a slot of a worker that died is free when its task has been rescued; nothing counts but running rows")
    func leaks() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            try await store.setMaxRunning(.kind(kind), to: 1)
            let ids = try await fixture.enqueue(2)
            let first = try await fixture.claim(ids)
            #expect(first.count == 1)
            #expect(try await fixture.claim(ids).isEmpty)
            try await fixture.tasks.retire(fixture.worker)
            let next = try await DispatchFixture.register(fixture.tasks)
            #expect(try await fixture.tasks.claim(ids, queue: .ingestion, worker: next).count == 1)
            try await store.setMaxRunning(.kind(kind), to: nil)
            #expect(try await store.controls().isEmpty)
            #expect(try await fixture.tasks.claim(ids, queue: .ingestion, worker: next).count == 1)
        }
    }

    @Test("without the relay a rate holds in PostgreSQL, and starts with nothing saved up; with it, it is the relay's")
    func rates() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            let ids = try await fixture.enqueue(400)
            try await store.setRate(.queue(.ingestion), to: RateLimit(perSecond: 50, burst: 400))
            let start = Instant.now
            #expect(try await fixture.claimNext(100).isEmpty, "a fleet that has just lost Redis does not burst")
            var claimed = 0
            try await eventually("some start") {
                claimed += try await fixture.claimNext(100).count
                return claimed >= 20
            }
            #expect(Double(claimed) <= start.elapsed.inSeconds * 50 + 1)
            let leader = WorkerID.random()
            let term = try #require(try await fixture.tasks.lead(as: leader, for: .seconds(60)))
            try await fixture.tasks.reportLeader(term: term, relayLag: .zero, rescued: 0)
            for _ in 0..<5 { #expect(try await fixture.claimNext(100).isEmpty) }
            #expect(try await fixture.claim(Array(ids.suffix(100))).count == 100, "hints have their tokens already")
        }
    }

    @Test("what a rate has saved up without the relay is at most a second's worth, or one task")
    func blindRates() throws {
        func blind(_ perSecond: Double, _ seconds: Double?) throws -> BlindRate {
            let rate = try #require(RateLimit(perSecond: perSecond))
            return BlindRate(scope: .kind(kind), rate: rate, secondsUnused: seconds)
        }
        #expect(try blind(100, nil).tokens == 0)
        #expect(try blind(100, 0.25).tokens == 25)
        #expect(try blind(100, 3_600).tokens == 100)
        #expect(try blind(0.1, 9).tokens == 0 && blind(0.1, 10).tokens == 1 && blind(0.1, 500).tokens == 1)
        #expect(try blind(100, -5).tokens == 0)
        #expect(try abs(blind(100, 0.5).secondsUnused(afterUsing: 20) - 0.3) < 1e-9)
        #expect(try abs(blind(100, 3_600).secondsUnused(afterUsing: 100)) < 1e-9)
        #expect(RateLimit(perSecond: 0) == nil && RateLimit(perSecond: 1, burst: 0) == nil)
        #expect(RateLimit(perSecond: 0.1)?.burst == 1 && RateLimit(perSecond: 2.5)?.burst == 3)
    }

    @Test("a queue is known once a worker serves it")
    func queues() async throws {
        try await withTestStore { store in
            let fixture = try await DispatchFixture(store)
            let mine = QueueName(trusted: "mine")
            #expect(try await !store.hasQueue(mine))
            try await fixture.tasks.register(
                WorkerRegistration(
                    id: .random(),
                    role: .worker,
                    host: "test",
                    pid: 1,
                    version: "0",
                    queues: [mine, .ingestion],
                    concurrency: 3,
                    leaseLength: .seconds(60)
                )
            )
            #expect(try await store.hasQueue(mine))
            let queues = try await fixture.tasks.dispatchState().queues
            #expect(queues.first { $0.name == mine } == QueueState(name: mine, slots: 3))
            #expect(queues.first { $0.name == .ingestion } == QueueState(name: .ingestion, slots: 7))
        }
    }
}

private final class Tally: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add(_ number: Int) { count.withLock { $0 += number } }
}
