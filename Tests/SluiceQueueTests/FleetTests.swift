import SluiceCore
import SluiceQueue
import SluiceSystem
import SluiceTestKit
import Synchronization
import Testing

@Suite("A fleet", .timeLimit(.minutes(3)))
struct FleetTests {
    /// Workers that come and go, two coordinators, hints that vanish, a store that fails and loses answers: what must hold
    /// is that every task ends exactly once, under its last claim, and within its attempts.
    @Test("loses and doubles nothing among faults of every kind", arguments: 0..<3 as Range<UInt64>)
    func promises(seed: UInt64) async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        hints.setFaults(losses: 0.1, doubles: 0.1, seed: seed)
        let enqueuer = Enqueuer(store: store, hints: hints, logger: silent)
        let generator = Mutex(SeededGenerator(seed: seed))
        store.setFault { operation in
            let dice = generator.withLock { Int.random(in: 0..<100, using: &$0) }
            if dice < 3 { return .refused(isTransient: true) }
            // Where an answer may be lost without anyone being able to tell.
            return dice < 5 && [.claim, .claimNext, .settle, .renew, .rescue].contains(operation) ? .answerLost : nil
        }
        var enqueued: [TaskID] = []
        try await withThrowingTaskGroup(of: Void.self) { group in
            let leaders = Shutdown()
            for _ in 0..<2 {
                let coordinator = Coordinator(
                    configuration: CoordinatorConfiguration(
                        host: "test",
                        pid: 1,
                        version: "0",
                        leaseLength: .milliseconds(500),
                        sweepInterval: .milliseconds(50)
                    ),
                    store: store,
                    hints: hints,
                    logger: silent
                )
                group.addTask { await coordinator.run(shutdown: leaders) }
            }
            let workers = Shutdown()
            for _ in 0..<2 { group.addTask { try await Self.work(store, hints, workers) } }
            let short = Shutdown()
            group.addTask { try await Self.work(store, hints, short) }

            for round in 0..<20 {
                let tasks = try probes(50).map { task in
                    var task = task
                    task.maxAttempts = 50
                    return task
                }
                while true {
                    do {
                        enqueued += try await enqueuer.enqueue(tasks).map(\.id)
                        break
                    } catch is ServerFault {}
                }
                if round == 8 { hints.wipe() }
                if round == 10 { short.advance(to: .draining) }
                if round == 12 { store.expire(store.incarnations) }
                if round == 14 { hints.setDown(true) }
                if round == 16 { hints.setDown(false) }
                try await eventually("the backlog shrinks") {
                    (store.states[.completed] ?? 0) + 200 >= enqueued.count
                }
            }
            try await eventually("all end", within: .seconds(60)) {
                store.states.filter { $0.key.isLive }.isEmpty
            }
            workers.advance(to: .draining)
            leaders.advance(to: .draining)
            short.advance(to: .draining)
            try await group.waitForAll()
        }
        store.setFault(nil)
        let history = store.history
        let completed = history.settlements.filter { $0.verdict == .completed }
        #expect(Set(completed.map(\.fence.task)).count == completed.count, "completed twice")
        #expect(store.states == [.completed: enqueued.count])
        var lastToken: [TaskID: LeaseToken] = [:]
        for claim in history.claims { lastToken[claim.fence.task] = claim.fence.token }
        #expect(completed.allSatisfy { lastToken[$0.fence.task] == $0.fence.token }, "an older claim was accepted")
        #expect(enqueued.allSatisfy { store.attempt(of: $0) <= 50 })
    }

    private static func work(_ store: MemoryTaskStore, _ hints: MemoryTaskHints, _ shutdown: Shutdown) async throws {
        var handlers = HandlerRegistry()
        handlers.register(Probe.self) { input, context in
            await Task.yield()
            if input.number % 7 == 0 && context.task.attempt == 1 {
                throw TaskFailure(errorClass: "probe.failed", message: "the first attempt fails")
            }
            return .completed
        }
        let worker = Worker(
            configuration: configuration(8, leaseLength: .milliseconds(600)),
            store: store,
            hints: hints,
            handlers: handlers,
            logger: silent
        )
        try await worker.run(shutdown: shutdown)
    }
}
