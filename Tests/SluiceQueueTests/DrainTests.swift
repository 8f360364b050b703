import SluiceCore
import SluiceQueue
import SluiceSystem
import SluiceTestKit
import Synchronization
import Testing

@Suite("Draining a worker", .timeLimit(.minutes(2)))
struct DrainTests {
    @Test("lets attempts end, claims nothing more, and takes the worker off the books")
    func lets() async throws {
        let store = MemoryTaskStore()
        let gate = Gate()
        let shutdown = Shutdown()
        let ids = try await store.enqueue(try probes(10)).map(\.id)
        try await withWorker(
            store,
            nil,
            configuration: configuration(2),
            shutdown: shutdown,
            perform: { _, _ in
                await gate.wait()
                return .completed
            }
        ) { worker in
            try await eventually("two run") { worker.running == 2 }
            shutdown.advance(to: .draining)
            gate.open()
        }
        #expect(store.states == [.completed: 2, .available: 8])
        #expect(ids.filter { store.state(of: $0) == .available }.allSatisfy { store.attempt(of: $0) == 0 })
        #expect(store.incarnations.isEmpty)
    }

    @Test("releases what does not end in time, at no cost", arguments: [false, true])
    func releases(secondSignal: Bool) async throws {
        let store = MemoryTaskStore()
        let shutdown = Shutdown()
        let gate = Gate()
        let ids = try await store.enqueue(try probes(3)).map(\.id)
        let limits = configuration(3, drainTimeout: secondSignal ? .seconds(3_600) : .milliseconds(50))
        try await withWorker(
            store,
            nil,
            configuration: limits,
            shutdown: shutdown,
            perform: { _, _ in
                await gate.wait()
                try Task.checkCancellation()
                return .completed
            }
        ) { worker in
            try await eventually("three run") { worker.running == 3 }
            shutdown.advance(to: .draining)
            if secondSignal { shutdown.advance(to: .stopping) }
        }
        #expect(ids.allSatisfy { store.state(of: $0) == .available && store.attempt(of: $0) == 0 })
        #expect(
            store.history.settlements.allSatisfy { settlement in
                if case .released(.zero, _) = settlement.verdict { true } else { false }
            }
        )
    }

    @Test("ends although a handler hangs; its task is given back, its late result refused")
    func hung() async throws {
        let store = MemoryTaskStore()
        let gate = Gate()
        let ended = Tally()
        let id = try await store.enqueue(try probes(1))[0].id
        let limits = configuration(1, drainTimeout: .milliseconds(10), cancelGrace: .milliseconds(300))
        try await withWorker(
            store,
            nil,
            configuration: limits,
            perform: { _, _ in
                await gate.waitDeaf()
                ended.add(1)
                return .completed
            }
        ) { worker in
            try await eventually("runs") { worker.running == 1 }
        }
        #expect(store.state(of: id) == .available)
        #expect(store.attempt(of: id) == 0)
        gate.open()
        try await eventually("the handler ended") { ended.counts == [1: 1] }
        #expect(store.state(of: id) == .available)
    }

    @Test("gives back what was claimed ahead, at no cost")
    func claimedAhead() async throws {
        let store = MemoryTaskStore()
        let gate = Gate()
        let shutdown = Shutdown()
        let seen = Tally()
        _ = try await store.enqueue(try probes(2_000))
        // So far ahead that hundreds are claimed before the one slot can begin them.
        let eager = configuration(1, drainTimeout: .milliseconds(10), lookahead: .seconds(60))
        try await withWorker(
            store,
            nil,
            configuration: eager,
            shutdown: shutdown,
            perform: { input, _ in
                seen.add(0)
                if seen.counts[0] == 700 {
                    await gate.wait()
                    try Task.checkCancellation()
                }
                return .completed
            }
        ) { worker in
            try await eventually("stuck at one") { seen.counts[0] == 700 }
            try await eventually("others are claimed") { (store.states[.running] ?? 0) > 50 }
            shutdown.advance(to: .draining)
        }
        #expect(store.states == [.completed: 699, .available: 1_301])
        #expect(store.history.claims.count > 700)
    }

    @Test("cancelling the run drains without grace")
    func cancelled() async throws {
        let store = MemoryTaskStore()
        let gate = Gate()
        let id = try await store.enqueue(try probes(1))[0].id
        var handlers = HandlerRegistry()
        handlers.register(Probe.self) { _, _ in
            await gate.wait()
            try Task.checkCancellation()
            return .completed
        }
        let worker = Worker(
            configuration: configuration(),
            store: store,
            hints: nil,
            handlers: handlers,
            logger: silent
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run(shutdown: Shutdown()) }
            try await eventually("runs") { worker.running == 1 }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(store.state(of: id) == .available && store.attempt(of: id) == 0)
        #expect(store.incarnations.isEmpty)
    }

    @Test("ends before it began when the store cannot be reached")
    func neverRegistered() async throws {
        let store = MemoryTaskStore()
        store.setFault { _ in .refused(isTransient: true) }
        try await withWorker(store, nil) { _ in
            try await eventually("tries") { store.count(.register) > 1 }
        }
        store.setFault { _ in .refused(isTransient: false) }
        await #expect(throws: ServerFault.self) {
            try await withWorker(store, nil) { _ in
                let before = store.count(.register)
                try await eventually("tries") { store.count(.register) > before }
            }
        }
    }
}

@Suite("Deadlines", .timeLimit(.minutes(2)))
struct DeadlineTests {
    private func hurried(_ count: Int) throws -> [NewTask] {
        try probes(count).map { task in
            var task = task
            task.timeout = .milliseconds(100)
            return task
        }
    }

    @Test("an attempt beyond its time is stopped and counted")
    func stops() async throws {
        let store = MemoryTaskStore()
        let id = try await store.enqueue(try hurried(1))[0].id
        let gate = Gate()
        try await withWorker(
            store,
            nil,
            perform: { _, _ in
                await gate.wait()
                try Task.checkCancellation()
                return .completed
            }
        ) { _ in
            try await eventually("retryable") { store.state(of: id) == .retryable }
        }
        guard case .retry(_, let failure)? = store.history.settlements.first?.verdict else {
            Issue.record("not retried")
            return
        }
        #expect(failure.errorClass == "deadline.exceeded")
        #expect(store.attempt(of: id) == 1)
    }

    @Test("a handler that does not end loses its slot to others, and its late result is refused")
    func givesUp() async throws {
        let store = MemoryTaskStore()
        let gate = Gate()
        let ids = try await store.enqueue(try hurried(1) + [try NewTask(Probe(number: 1), tenant: .default)]).map(\.id)
        let limits = configuration(1, cancelGrace: .milliseconds(100))
        try await withWorker(
            store,
            nil,
            configuration: limits,
            perform: { input, _ in
                if input.number == 0 { await gate.waitDeaf() }
                return .completed
            }
        ) { worker in
            try await eventually("the other is performed") { store.state(of: ids[1]) == .completed }
            #expect(store.state(of: ids[0]) == .retryable)
            #expect(worker.stats.hung == 1)
            gate.open()
        }
        #expect(store.history.settlements.count == 2)
    }
}
