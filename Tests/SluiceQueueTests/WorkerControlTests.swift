import SluiceCore
import SluiceQueue
import SluiceSystem
import SluiceTestKit
import Synchronization
import Testing

@Suite("What operators ask of a worker", .timeLimit(.minutes(2)))
struct WorkerControlTests {
    private func run(
        _ store: MemoryTaskStore,
        _ configuration: WorkerConfiguration = configuration(),
        shutdown: Shutdown = Shutdown(),
        perform: @escaping @Sendable (Probe, AttemptContext) async throws -> AttemptOutcome,
        _ body: (Worker) async throws -> Void
    ) async throws {
        var configuration = configuration
        configuration.controlInterval = .milliseconds(20)
        var handlers = HandlerRegistry()
        handlers.register(Probe.self, perform: perform)
        let worker = Worker(
            configuration: configuration,
            store: store,
            hints: nil,
            control: store,
            handlers: handlers,
            logger: silent
        )
        async let running: Void = worker.run(shutdown: shutdown)
        do {
            try await body(worker)
        } catch {
            shutdown.advance(to: .stopping)
            try await running
            throw error
        }
        shutdown.advance(to: .draining)
        try await running
    }

    @Test("a running attempt is cancelled: its handler is told, and the verdict is cancelled")
    func cancels() async throws {
        let store = MemoryTaskStore()
        let id = try await store.enqueue(try probes(1))[0].id
        let gate = Gate()
        try await run(
            store,
            perform: { _, _ in
                await gate.wait()
                try Task.checkCancellation()
                return .completed
            }
        ) { worker in
            try await eventually("runs") { worker.running == 1 }
            store.cancel(id, reason: "not wanted")
            try await eventually("cancelled") { store.state(of: id) == .cancelled }
            #expect(store.history.settlements.map(\.verdict) == [.cancelled(reason: "not wanted")])
            #expect(worker.stats.cancelled == 1)
        }
    }

    @Test("a handler that does not listen is given up after the grace, and its slot goes on")
    func deaf() async throws {
        let store = MemoryTaskStore()
        let ids = try await store.enqueue(try probes(2)).map(\.id)
        let gate = Gate()
        try await run(
            store,
            configuration(1, cancelGrace: .milliseconds(100)),
            perform: { input, _ in
                if input.number == 0 { await gate.waitDeaf() }
                return .completed
            }
        ) { worker in
            try await eventually("runs") { worker.running == 1 }
            store.cancel(ids[0], reason: "no")
            try await eventually("both ended") {
                store.state(of: ids[0]) == .cancelled && store.state(of: ids[1]) == .completed
            }
            #expect(worker.stats.hung == 1)
            gate.open()
        }
        #expect(store.history.settlements.count == 2, "what the deaf handler returned later was discarded")
    }

    @Test("one that completes in spite of it is completed")
    func completesFirst() async throws {
        let store = MemoryTaskStore()
        let id = try await store.enqueue(try probes(1))[0].id
        let gate = Gate()
        try await run(
            store,
            perform: { _, _ in
                await gate.wait()
                return .completed
            }
        ) { worker in
            try await eventually("runs") { worker.running == 1 }
            store.cancel(id, reason: "too late")
            try await eventually("settled") { store.state(of: id) == .completed }
        }
    }

    @Test("progress is stored about once an exchange, the newest word only")
    func progress() async throws {
        let store = MemoryTaskStore()
        let id = try await store.enqueue(try probes(1))[0].id
        let gate = Gate()
        try await run(
            store,
            perform: { _, context in
                for step in 1...10_000 { context.progress(step, of: 10_000, "step \(step)") }
                await gate.wait()
                return .completed
            }
        ) { _ in
            try await eventually("stored") { store.progress.last?.done == 10_000 }
            #expect(store.progress.count < 100)
            #expect(store.progress.last?.message == "step 10000" && store.progress.last?.fence.task == id)
            gate.open()
            try await eventually("completed") { store.state(of: id) == .completed }
        }
    }

    @Test("quiet: nothing more is claimed, what runs goes on; then it claims again")
    func quiet() async throws {
        let store = MemoryTaskStore()
        let first = try await store.enqueue(try probes(1))[0].id
        let gate = Gate()
        try await run(
            store,
            perform: { _, _ in
                await gate.wait()
                return .completed
            }
        ) { worker in
            try await eventually("runs") { worker.running == 1 }
            store.ask(try #require(worker.id), .quiet)
            try await eventually("is quiet") { worker.isQuiet }
            let second = try await store.enqueue(try probes(1))[0].id
            gate.open()
            try await eventually("the first ends") { store.state(of: first) == .completed }
            let exchanges = store.count(.exchange)
            try await eventually("some exchanges later") { store.count(.exchange) > exchanges + 5 }
            #expect(store.state(of: second) == .available)
            store.ask(try #require(worker.id), .live)
            try await eventually("the second ends") { store.state(of: second) == .completed }
            store.ask(try #require(worker.id), .quiet)
            try await eventually("is quiet again") { worker.isQuiet }
            // A signal on the spot prevails over an order that was obeyed already.
            worker.setQuiet(false)
            let later = store.count(.exchange)
            try await eventually("some exchanges later") { store.count(.exchange) > later + 5 }
            #expect(!worker.isQuiet)
        }
    }

    @Test("drain: as on SIGTERM")
    func drain() async throws {
        let store = MemoryTaskStore()
        let shutdown = Shutdown()
        try await run(store, shutdown: shutdown, perform: { _, _ in .completed }) { worker in
            try await eventually("registered") { worker.id != nil }
            store.ask(try #require(worker.id), .drain)
            try await eventually("drains") { shutdown.phase == .draining }
            try await eventually("gone") { store.incarnations.isEmpty }
        }
    }

    @Test("suspects run alone, whatever else there is to do, and all of it gets done")
    func isolation() async throws {
        let store = MemoryTaskStore()
        let ids = try await store.enqueue(try probes(400)).map(\.id)
        let suspects = Set(stride(from: 0, to: 400, by: 40))
        store.suspect(suspects.map { ids[$0] })
        let gauge = Gauge()
        let broken = Atomic<Int>(0)
        let alone = Atomic<Int>(0)
        try await run(
            store,
            configuration(8),
            perform: { input, _ in
                gauge.enter()
                defer { gauge.leave() }
                let isSuspect = suspects.contains(input.number)
                if isSuspect { alone.add(1, ordering: .relaxed) }
                for _ in 0..<50 {
                    await Task.yield()
                    if isSuspect && gauge.now != 1 { broken.add(1, ordering: .relaxed) }
                }
                return .completed
            }
        ) { _ in
            try await eventually("all are completed") { store.states == [.completed: 400] }
        }
        #expect(broken.load(ordering: .relaxed) == 0, "something ran beside a suspect")
        #expect(alone.load(ordering: .relaxed) == suspects.count)
    }

    @Test("orders that cannot be read stop nothing")
    func outage() async throws {
        let store = MemoryTaskStore()
        store.setFault { $0 == .exchange ? .refused(isTransient: true) : nil }
        _ = try await store.enqueue(try probes(50))
        try await run(store, perform: { _, _ in .completed }) { _ in
            try await eventually("all are completed") { store.states == [.completed: 50] }
        }
    }
}
