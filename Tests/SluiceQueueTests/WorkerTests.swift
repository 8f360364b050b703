import SluiceCore
import SluiceQueue
import SluiceSystem
import SluiceTestKit
import Synchronization
import Testing

@Suite("A worker", .timeLimit(.minutes(2)))
struct WorkerTests {
    @Test("performs everything once, whether hints flow or not", arguments: [true, false])
    func performsEverything(hinted: Bool) async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        let performed = Tally()
        let enqueuer = Enqueuer(store: store, hints: hinted ? hints : nil, logger: silent)
        try await enqueuer.enqueue(try probes(1_000))
        try await withWorker(
            store,
            hinted ? hints : nil,
            perform: { input, _ in
                performed.add(input.number)
                return .completed
            }
        ) { worker in
            try await eventually("all are completed") { store.states == [.completed: 1_000] }
            #expect(performed.counts.count == 1_000 && performed.counts.values.allSatisfy { $0 == 1 })
            #expect(worker.stats.completed == 1_000)
            #expect(!worker.stats.isDegraded)
            let id = try #require(worker.id)
            if hinted { try await eventually("hints are acknowledged") { hints.processing(id).isEmpty } }
        }
        #expect(store.incarnations.isEmpty)
    }

    @Test("a wake-up starts a task that was enqueued while the worker rested")
    func wakes() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        var patient = configuration()
        // So long that only a wake-up can be the cause.
        patient.idlePoll = .seconds(3_600)
        try await withWorker(store, hints, configuration: patient) { _ in
            try await eventually("rests") { store.count(.claimNext) > 0 }
            try await Enqueuer(store: store, hints: hints, logger: silent).enqueue(try probes(3))
            try await eventually("performed") { store.states == [.completed: 3] }
        }
    }

    @Test("verdicts of handlers are written")
    func verdicts() async throws {
        let store = MemoryTaskStore()
        let ids = try await store.enqueue(try probes(4)).map(\.id)
        try await withWorker(
            store,
            nil,
            perform: { input, _ in
                switch input.number {
                case 0: .cancelled(reason: "not wanted")
                case 1: .dead(TaskFailure(errorClass: "a.b", message: "c"))
                case 2: .snoozed(for: .seconds(3_600), reason: "429")
                default: throw TaskFailure(errorClass: "x.y", message: "z")
                }
            }
        ) { worker in
            try await eventually("all are settled") {
                store.state(of: ids[0]) == .cancelled && store.state(of: ids[1]) == .dead
                    && store.state(of: ids[2]) == .scheduled && store.state(of: ids[3]) == .retryable
            }
            #expect(store.attempt(of: ids[2]) == 0)
            #expect(store.attempt(of: ids[3]) == 1)
            #expect(worker.stats.dead == 1 && worker.stats.cancelled == 1)
        }
    }

    @Test("an attempt fails until its attempts are used up, then it is dead")
    func usesUpAttempts() async throws {
        let store = MemoryTaskStore()
        let id = try await store.enqueue(try probes(1))[0].id
        try await withWorker(
            store,
            nil,
            perform: { _, context in
                throw TaskFailure(errorClass: context.isLastAttempt ? "last" : "early", message: "fails")
            }
        ) { _ in
            try await eventually("dead") {
                _ = try await store.promoteDue(limit: 10)
                return store.state(of: id) == .dead
            }
        }
        #expect(store.attempt(of: id) == 3)
        guard case .dead(let failure)? = store.history.settlements.last?.verdict else {
            Issue.record("not dead")
            return
        }
        #expect(failure.errorClass == "last")
        #expect(store.history.settlements.count == 3)
    }

    @Test("unknown kinds and newer payloads go back without costing an attempt")
    func unknown() async throws {
        let store = MemoryTaskStore()
        var newer = try probes(1)[0]
        newer.payloadVersion = 2
        let unknown = NewTask(
            tenant: .default,
            queue: .ingestion,
            kind: TaskKind(trusted: "unknown"),
            payload: "{}"
        )
        let ids = try await store.enqueue([newer, unknown]).map(\.id)
        try await withWorker(store, nil) { _ in
            try await eventually("both went back") { ids.allSatisfy { store.state(of: $0) == .scheduled } }
        }
        #expect(ids.allSatisfy { store.attempt(of: $0) == 0 })
    }

    @Test("a payload that does not decode is dead at once")
    func undecodable() async throws {
        let store = MemoryTaskStore()
        var task = try probes(1)[0]
        task.payload = #"{"number": "many"}"#
        let id = try await store.enqueue([task])[0].id
        try await withWorker(store, nil) { _ in
            try await eventually("dead") { store.state(of: id) == .dead }
        }
        guard case .dead(let failure)? = store.history.settlements.first?.verdict else {
            Issue.record("not dead")
            return
        }
        #expect(failure.errorClass == "payload.invalid")
        #expect(!failure.message.contains("many"))
    }

    @Test("what a handler settled itself is not settled again")
    func settledByHandler() async throws {
        let store = MemoryTaskStore()
        let id = try await store.enqueue(try probes(1))[0].id
        try await withWorker(
            store,
            nil,
            perform: { _, context in
                let refused = try await store.settle([Settlement(context.fence, .completed)], worker: .random())
                #expect(refused.isEmpty)
                return .settledByHandler
            }
        ) { worker in
            try await eventually("settled") { worker.stats.completed == 1 && worker.running == 0 }
        }
        #expect(store.state(of: id) == .completed)
        #expect(store.history.settlements.count == 1)
    }

    @Test("never more attempts at once than slots; tiny tasks are claimed in batches all the same")
    func concurrency() async throws {
        let store = MemoryTaskStore()
        let gauge = Gauge()
        _ = try await store.enqueue(try probes(3_000))
        try await withWorker(
            store,
            nil,
            configuration: configuration(3, lookahead: .seconds(5)),
            perform: { _, _ in
                gauge.enter()
                await Task.yield()
                gauge.leave()
                return .completed
            }
        ) { _ in
            try await eventually("all are completed") { store.states == [.completed: 3_000] }
        }
        #expect(gauge.highest <= 3)
        // One at a time they would be a thousand claims of three.
        #expect(store.count(.claimNext) < 300)
        #expect(store.count(.settle) < 1_500)
    }

    @Test("several queues do not wait for each other")
    func queues() async throws {
        let store = MemoryTaskStore()
        let gate = Gate()
        var both = configuration(1)
        both.concurrency = [.ingestion: 1, .embedding: 1]
        var other = try probes(1)[0]
        other.queue = .embedding
        let blocked = try await store.enqueue(try probes(1))[0].id
        let id = try await store.enqueue([other])[0].id
        try await withWorker(
            store,
            nil,
            configuration: both,
            perform: { _, context in
                if context.task.queue == .ingestion { await gate.wait() }
                return .completed
            }
        ) { _ in
            try await eventually("the other is completed") { store.state(of: id) == .completed }
            #expect(store.state(of: blocked) == .running)
            gate.open()
            try await eventually("both are") { store.state(of: blocked) == .completed }
        }
    }

    @Test("one verdict that cannot be written does not stop the others; its task goes back")
    func poison() async throws {
        let store = MemoryTaskStore()
        let ids = try await store.enqueue(try probes(50)).map(\.id)
        store.poison(ids[17])
        try await withWorker(store, nil, configuration: configuration(50)) { _ in
            try await eventually("all but one") {
                store.states[.completed] == 49 && store.state(of: ids[17]) == .scheduled
            }
        }
        #expect(store.attempt(of: ids[17]) == 0)
    }

    @Test("a paused queue rests")
    func paused() async throws {
        let store = MemoryTaskStore()
        store.setPaused(true, .ingestion)
        let id = try await store.enqueue(try probes(1))[0].id
        try await withWorker(store, nil) { _ in
            try await eventually("asked several times") { store.count(.claimNext) > 3 }
            #expect(store.state(of: id) == .available)
            store.setPaused(false, .ingestion)
            try await eventually("goes on") { store.state(of: id) == .completed }
        }
    }
}
