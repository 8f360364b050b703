import SluiceCore
import SluiceQueue
import SluiceSystem
import SluiceTestKit
import Testing

/// The relay within a coordinator, on servers in memory.
@Suite("The relay chooses fairly", .timeLimit(.minutes(2)))
struct RelayTests {
    private let noisy = TenantID(trusted: "noisy")
    private let quiet = TenantID(trusted: "quiet")

    private func leading(_ store: MemoryTaskStore, _ hints: MemoryTaskHints, _ body: () async throws -> Void)
        async throws
    {
        let coordinator = Coordinator(
            configuration: CoordinatorConfiguration(host: "test", pid: 1, version: "0"),
            store: store,
            hints: hints,
            logger: silent
        )
        let shutdown = Shutdown()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await coordinator.run(shutdown: shutdown) }
            defer { shutdown.advance(to: .draining) }
            try await body()
        }
    }

    private func tasks(_ count: Int, _ tenant: TenantID) throws -> [NewTask] {
        try (0..<count).map { try NewTask(Probe(number: $0), tenant: tenant) }
    }

    private func worker(_ store: MemoryTaskStore) async throws -> WorkerID {
        let id = WorkerID.random()
        try await store.register(
            WorkerRegistration(
                id: id,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: [.ingestion],
                concurrency: 4,
                leaseLength: .seconds(60)
            )
        )
        return id
    }

    @Test("the next window holds a new tenant's share, whoever filled the one before")
    func shares() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        _ = try await store.enqueue(try tasks(2_000, noisy))
        let me = try await worker(store)
        try await leading(store, hints) {
            try await eventually("full") { hints.window(.ingestion).count == RelayWindow.smallest }
            let mine = Set(try await store.enqueue(try tasks(20, quiet)).map(\.id))
            // Everything that lay there goes; the next window is the relay's choice between the two.
            let gone = try await hints.fetch(queue: .ingestion, worker: me, limit: 1_000)
            _ = try await store.claim(gone, queue: .ingestion, worker: me)
            try await eventually("filled again") { hints.window(.ingestion).count >= RelayWindow.smallest / 2 }
            let window = hints.window(.ingestion)
            let found = window.prefix(40).count { mine.contains($0) }
            #expect(found >= 19, "\(found) of 20 among the first forty")
        }
    }

    @Test("beyond a cap nothing is hinted at; a slot that gets free is filled")
    func caps() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        store.set(Control(.tenant(noisy, in: nil), maxRunning: 3))
        _ = try await store.enqueue(try tasks(100, noisy))
        let me = try await worker(store)
        try await leading(store, hints) {
            try await eventually("three") { hints.window(.ingestion).count == 3 }
            let ids = try await hints.fetch(queue: .ingestion, worker: me, limit: 10)
            let claimed = try await store.claim(ids, queue: .ingestion, worker: me)
            #expect(claimed.count == 3)
            let reads = store.count(.running)
            try await eventually("it has looked again") { store.count(.running) > reads + 2 }
            #expect(hints.window(.ingestion).isEmpty, "the cap is used up")
            _ = try await store.settle([Settlement(claimed[0].fence, .completed)], worker: me)
            try await eventually("one more") { hints.window(.ingestion).count == 1 }
        }
    }

    @Test("at a rate no more is hinted at than there are tokens, and what is not used goes back")
    func rates() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        let rate = try #require(RateLimit(perSecond: 10, burst: 25))
        store.set(Control(.kind(Probe.kind), rate: rate))
        _ = try await store.enqueue(try tasks(10, quiet))
        try await leading(store, hints) {
            try await eventually("ten") { hints.window(.ingestion).count == 10 }
            _ = try await store.enqueue(try tasks(100, noisy))
            try await eventually("the rest of the burst") { hints.window(.ingestion).count == 25 }
            try await hints.returnTokens([TokenRequest(scope: .kind(Probe.kind), rate: rate, count: 4)])
            try await eventually("four more") { hints.window(.ingestion).count == 29 }
        }
    }

    @Test("what a pause of a tenant or a kind concerns leaves the window, and nothing comes until it ends")
    func pauses() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        let mine = Set(try await store.enqueue(try tasks(10, quiet)).map(\.id))
        _ = try await store.enqueue(try tasks(10, noisy))
        try await leading(store, hints) {
            try await eventually("all") { hints.window(.ingestion).count == 20 }
            store.set(Control(.tenant(noisy, in: .ingestion), isPaused: true))
            try await eventually("the others") { Set(hints.window(.ingestion)) == mine }
            // Enqueuers do not get around it either.
            #expect(try await hints.announce([TaskID(999)], queue: .ingestion, windowLimit: 64) == 0)
            store.set(Control(.tenant(noisy, in: .ingestion)))
            try await eventually("all again") { hints.window(.ingestion).count == 20 }
        }
    }

    @Test("where looks are dear, streams are remembered: new ones and tasks from before are found all the same")
    func remembers() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        store.setFault { $0 == .streams || $0 == .heads ? .slow(.milliseconds(30)) : nil }
        store.clock.advance(by: .seconds(3_600))
        var known = Set(try await store.enqueue(try tasks(10, noisy)).map(\.id))
        try await leading(store, hints) {
            try await eventually("new streams are sought, in every queue") { store.count(.newStreams) > 20 }
            let looks = store.count(.streams)
            known.formUnion(try await store.enqueue(try tasks(5, quiet)).map(\.id))
            try await eventually("a tenant who has just come") { Set(hints.window(.ingestion)) == known }
            var late = try tasks(1, noisy)[0]
            late.delay = .seconds(-600)
            known.formUnion(try await store.enqueue([late]).map(\.id))
            try await eventually("a task whose transaction was long") { Set(hints.window(.ingestion)) == known }
            #expect(store.count(.streams) == looks, "no whole look was needed")
            store.setFault(nil)
            try await eventually("looks are whole again") { store.count(.streams) > looks + 5 }
        }
    }

    @Test("an enqueue that finds no room calls the relay, which need not wait for its next look")
    func called() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        let enqueuer = Enqueuer(store: store, hints: hints, logger: silent)
        try await leading(store, hints) {
            try await eventually("idle") { store.count(.streams) > 6 }
            for _ in 0..<3 {
                let before = store.count(.streams)
                try await enqueuer.enqueue(try tasks(RelayWindow.smallest + 1, noisy))
                try await eventually("it came") {
                    store.count(.streams) > before || hints.window(.ingestion).count > 32
                }
            }
        }
    }

    @Test("after everything was wiped one look fills the window again, with a bounded number of questions")
    func wiped() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        _ = try await store.enqueue(try tasks(3_000, noisy))
        try await leading(store, hints) {
            try await eventually("full") { hints.window(.ingestion).count == RelayWindow.smallest }
            let before = store.count(.streams) + store.count(.heads)
            hints.wipe()
            try await eventually("full again") { hints.window(.ingestion).count >= RelayWindow.smallest }
            // Each look at a queue asks for its streams; those with backlog are asked for their heads, seldom twice.
            #expect(store.count(.streams) + store.count(.heads) - before <= 40)
        }
    }

    @Test("a rebuild drops what is there and fills the windows, with or without a leader")
    func rebuilds() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        let real = try await store.enqueue(try tasks(20, quiet)).map(\.id)
        _ = try await hints.offer((900...910).map { TaskID($0) }, queue: .ingestion, windowLimit: 100)
        let report = try await HintRebuild.run(store: store, hints: hints)
        #expect(report.dropped == 11 && report.windows[.ingestion] == 20)
        #expect(Set(hints.window(.ingestion)) == Set(real))
    }
}
