import Glibc
import SluiceCore
import SluiceQueue
import SluiceSystem
import SluiceTestKit
import Synchronization
import Testing

@Suite("A worker among faults", .timeLimit(.minutes(2)))
struct WorkerFaultTests {
    @Test("lost, doubled and stale hints lose and double nothing")
    func unreliableHints() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        hints.setFaults(losses: 0.5, doubles: 0.5)
        let performed = Tally()
        let enqueuer = Enqueuer(store: store, hints: hints, logger: silent)
        // Ids that no task has, and ids of another queue.
        _ = try await hints.offer((90_001...90_050).map { TaskID($0) }, queue: .ingestion, windowLimit: 4_096)
        try await withWorker(
            store,
            hints,
            perform: { input, _ in
                performed.add(input.number)
                return .completed
            }
        ) { _ in
            for _ in 0..<10 { try await enqueuer.enqueue(try probes(50)) }
            try await eventually("all are completed") { store.states == [.completed: 500] }
        }
        #expect(performed.counts.values.allSatisfy { $0 == 10 })
    }

    @Test("without Redis it goes on from the store, says so, and comes back")
    func degrades() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        hints.setDown(true)
        _ = try await store.enqueue(try probes(200))
        try await withWorker(store, hints) { worker in
            try await eventually("all are completed") { store.states == [.completed: 200] }
            #expect(worker.stats.isDegraded)
            hints.setDown(false)
            try await eventually("recovers") { !worker.stats.isDegraded }
            hints.setDown(true)
            _ = try await store.enqueue(try probes(20))
            try await eventually("goes on") { store.states == [.completed: 220] }
        }
    }

    @Test("a wiped Redis costs no task")
    func wiped() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        try await Enqueuer(store: store, hints: hints, logger: silent).enqueue(try probes(300))
        hints.wipe()
        try await withWorker(store, hints) { _ in
            try await eventually("all are completed") { store.states == [.completed: 300] }
        }
    }

    @Test(
        "a store that fails now and then, before or after it acted, loses no task and completes none twice",
        arguments: 0..<4 as Range<UInt64>
    )
    func unreliableStore(seed: UInt64) async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        let generator = Mutex(SeededGenerator(seed: seed))
        try await Enqueuer(store: store, hints: hints, logger: silent).enqueue(try probes(200))
        store.setFault { operation in
            // Answers to claims are left alone here: those wait for two renewals, which `FleetTests` covers.
            guard operation == .settle || operation == .claim || operation == .claimNext || operation == .renew else {
                return nil
            }
            let dice = generator.withLock { Int.random(in: 0..<10, using: &$0) }
            if dice == 0 { return .refused(isTransient: true) }
            return dice == 1 && operation == .settle ? .answerLost : nil
        }
        try await withWorker(store, hints) { _ in
            try await eventually("all are completed") { store.states == [.completed: 200] }
            store.setFault(nil)
        }
        let completions = store.history.settlements.map(\.fence.task)
        #expect(Set(completions).count == 200)
        #expect(completions.count == 200)
    }

    @Test("a lease that cannot be renewed stops all attempts, and the worker begins anew", arguments: [false, true])
    func losesItsLease(hangs: Bool) async throws {
        let store = MemoryTaskStore()
        let stopped = Tally()
        let id = try await store.enqueue(try probes(1))[0].id
        let gate = Gate()
        let short = configuration(leaseLength: .seconds(1))
        try await withWorker(
            store,
            nil,
            configuration: short,
            perform: { _, context in
                if context.task.token == LeaseToken(1) {
                    await gate.wait()
                    // Nobody opened the gate: it was cancelled.
                    stopped.add(Task.isCancelled ? 1 : 0)
                    return .completed
                }
                return .completed
            }
        ) { worker in
            try await eventually("runs") { store.state(of: id) == .running }
            let first = try #require(worker.id)
            store.setFault { operation in
                guard operation == .renew || operation == .register else { return nil }
                return hangs && operation == .renew ? .hangs : .refused(isTransient: true)
            }
            try await eventually("stopped") { stopped.counts == [1: 1] }
            #expect(store.history.settlements.isEmpty)
            store.setFault(nil)
            store.release()
            try await eventually("begins anew") { worker.id != first }
            // When the process was well, the former incarnation gives back what it held, without costing an attempt.
            // On a machine so busy that it stood still, that is left to the rescuer.
            let leader = WorkerID.random()
            try await eventually("performed again") {
                if worker.id != first, let term = try await store.lead(as: leader, for: .seconds(60)) {
                    _ = try await store.rescue(limit: 10, term: term)
                }
                return store.state(of: id) == .completed
            }
            #expect(store.attempt(of: id) == 1 + store.crashCount(of: id))
            #expect(worker.stats.leasesLost >= 1)
        }
        #expect(store.history.settlements.count == 1)
        #expect(store.history.settlements.first?.fence.token != LeaseToken(1))
    }

    @Test("a zombie is refused: its lease expired and another holds the task")
    func zombie() async throws {
        let clock = TestClock()
        let store = MemoryTaskStore(clock: clock)
        let id = try await store.enqueue(try probes(1))[0].id
        let gate = Gate()
        try await withWorker(
            store,
            nil,
            perform: { _, context in
                if context.task.token == LeaseToken(1) { await gate.waitDeaf() }
                return .completed
            }
        ) { worker in
            try await eventually("runs") { store.state(of: id) == .running }
            store.expire(store.incarnations)
            let leader = WorkerID.random()
            let term = try #require(try await store.lead(as: leader, for: .seconds(60)))
            #expect(try await store.rescue(limit: 10, term: term).map(\.id) == [id])
            try await eventually("another attempt completed it") { store.state(of: id) == .completed }
            gate.open()
            try await eventually("the zombie ended") { worker.running == 0 }
        }
        #expect(store.crashCount(of: id) == 1)
        #expect(store.history.settlements.map(\.fence.token) == [LeaseToken(2)])
    }

    @Test("renewals and deadlines go on while handlers block every thread of the pool")
    func blockingHandlers() async throws {
        let store = MemoryTaskStore()
        let gate = Gate()
        let slots = Environment.coreCount() * 2
        _ = try await store.enqueue(try probes(slots))
        let short = configuration(slots, leaseLength: .seconds(2))
        let outcome = Mutex<(renewals: Int, leasesLost: Int)?>(nil)
        try await withWorker(
            store,
            nil,
            configuration: short,
            perform: { _, context in
                while !gate.isOpen { usleep(1_000) }
                return .completed
            }
        ) { worker in
            // This test's own task may starve too, so a thread of its own watches.
            let watch = LoopThread(name: "watch")
            try await uncancelled(on: watch) {
                let bell = Bell()
                let before = store.count(.renew)
                let limit = ContinuousClock.now + .seconds(60)
                while store.count(.renew) < before + 5, .now < limit {
                    _ = await bell.wait(until: .now + .milliseconds(10), on: watch)
                }
                outcome.withLock { $0 = (store.count(.renew) - before, worker.stats.leasesLost) }
                gate.open()
            }
            watch.stop()
            try await eventually("all are completed") { store.states == [.completed: slots] }
        }
        let result = try #require(outcome.withLock { $0 })
        #expect(result.renewals >= 5)
        #expect(result.leasesLost == 0)
    }

    @Test("claims taken from it are stopped at once, and nothing is written for them")
    func losesClaims() async throws {
        let store = MemoryTaskStore()
        let id = try await store.enqueue(try probes(1))[0].id
        let gate = Gate()
        let tokens = Mutex<[LeaseToken: Bool]>([:])
        let short = configuration(leaseLength: .seconds(3))
        try await withWorker(
            store,
            nil,
            configuration: short,
            perform: { _, context in
                if context.task.token == LeaseToken(1) { await gate.wait() }
                tokens.withLock { $0[context.task.token] = Task.isCancelled }
                return .completed
            }
        ) { _ in
            try await eventually("runs") { store.state(of: id) == .running }
            // An operator took it back.
            _ = try await store.settle(
                [Settlement(fence(id.rawValue), .released(after: .zero, reason: "operator"))],
                worker: .random()
            )
            try await eventually("the other attempt completed it") { store.state(of: id) == .completed }
            try await eventually("the first was stopped") { tokens.withLock { $0[LeaseToken(1)] } == true }
        }
        #expect(tokens.withLock { $0[LeaseToken(2)] } == false)
        #expect(store.history.settlements.filter { $0.verdict == .completed }.map(\.fence.token) == [LeaseToken(2)])
    }
}
