import SluiceCore
import SluiceSystem
import SluiceTestKit
import Synchronization
import Testing

@testable import SluiceQueue

@Suite("A coordinator", .timeLimit(.minutes(2)))
struct CoordinatorTests {
    private func coordinator(
        _ store: MemoryTaskStore,
        _ hints: MemoryTaskHints?,
        leaseLength: Duration = .seconds(15)
    ) -> Coordinator {
        Coordinator(
            configuration: CoordinatorConfiguration(
                host: "test",
                pid: 1,
                version: "0",
                leaseLength: leaseLength,
                sweepInterval: .milliseconds(50)
            ),
            store: store,
            hints: hints,
            logger: silent
        )
    }

    private func running(_ coordinators: [Coordinator], _ body: ([Shutdown]) async throws -> Void) async throws {
        let shutdowns = coordinators.map { _ in Shutdown() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (coordinator, shutdown) in zip(coordinators, shutdowns) {
                group.addTask { await coordinator.run(shutdown: shutdown) }
            }
            defer { for shutdown in shutdowns { shutdown.advance(to: .draining) } }
            try await body(shutdowns)
        }
    }

    @Test("one leads, the other takes over at once when it resigns, under the next term")
    func takesOver() async throws {
        let store = MemoryTaskStore()
        let pair = [
            coordinator(store, nil, leaseLength: .seconds(1)), coordinator(store, nil, leaseLength: .seconds(1)),
        ]
        try await running(pair) { shutdowns in
            try await eventually("one leads") { pair.contains { $0.isLeader } }
            let first = try #require(pair.firstIndex { $0.isLeader })
            #expect(!pair[1 - first].isLeader)
            let term = store.term
            shutdowns[first].advance(to: .draining)
            try await eventually("the other leads") { pair[1 - first].isLeader }
            #expect(store.term == term + 1)
            #expect(!pair[first].isLeader)
        }
        #expect(store.leader == nil)
        #expect(store.incarnations.isEmpty)
    }

    @Test("ids that a live worker fetched without ever hearing of it are cleared, those under way are not")
    func reclaimsLive() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        let reclaimer = Reclaimer(store: store, hints: hints)
        let (live, gone) = (WorkerID.random(), WorkerID.random())
        try await store.register(
            WorkerRegistration(
                id: live,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: [Probe.queue],
                concurrency: 1,
                leaseLength: .seconds(15)
            )
        )
        hints.leave([TaskID(1), TaskID(2)], to: live)
        hints.leave([TaskID(3)], to: gone)
        #expect(try await reclaimer.round() == 1)
        #expect(hints.processing(live) == [TaskID(1), TaskID(2)] && hints.processing(gone).isEmpty)
        try await hints.acknowledge([TaskID(2)], worker: live)
        hints.leave([TaskID(4)], to: live)
        #expect(try await reclaimer.round() == 1)
        #expect(hints.processing(live) == [TaskID(4)])
    }

    @Test("one that is cut off stops trusting itself before another may lead")
    func cutOff() async throws {
        let store = MemoryTaskStore()
        let alone = coordinator(store, nil, leaseLength: .milliseconds(300))
        try await running([alone]) { _ in
            try await eventually("leads") { alone.isLeader }
            store.setFault { _ in .refused(isTransient: true) }
            try await eventually("no longer") { !alone.isLeader }
            store.setFault(nil)
            try await eventually("leads again") { alone.isLeader }
            #expect(store.term >= 1)
        }
    }

    @Test("fills the window within its bounds, and again after Redis was wiped")
    func relays() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        let enqueued = try await store.enqueue(try probes(1_000)).map(\.id)
        try await running([coordinator(store, hints)]) { _ in
            try await eventually("the window is full") { hints.window(.ingestion).count == RelayWindow.smallest }
            #expect(hints.window(.ingestion) == Array(enqueued.prefix(RelayWindow.smallest)))
            hints.wipe()
            try await eventually("full again") { hints.window(.ingestion).count >= RelayWindow.smallest / 2 }
            #expect(Set(hints.window(.ingestion)).count == hints.window(.ingestion).count)
            store.setPaused(true, .ingestion)
            try await eventually("emptied for the pause") { hints.window(.ingestion).isEmpty }
            store.setPaused(false, .ingestion)
            try await eventually("full after the pause") { !hints.window(.ingestion).isEmpty }
        }
    }

    @Test("promotes what is due, rescues what was lost, and clears what the dead left in Redis")
    func duties() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        var later = try probes(1)[0]
        later.delay = .milliseconds(50)
        let promoted = try await store.enqueue([later])[0].id
        let dead = WorkerID.random()
        try await store.register(
            WorkerRegistration(
                id: dead,
                role: .worker,
                host: "test",
                pid: 1,
                version: "0",
                queues: [.ingestion],
                concurrency: 1,
                leaseLength: .seconds(2)
            )
        )
        let lost = try await store.enqueue(try probes(1))[0].id
        #expect(try await store.claim([lost], queue: .ingestion, worker: dead).count == 1)
        hints.leave([lost], to: dead)
        let leader = coordinator(store, hints)
        try await running([leader]) { _ in
            try await eventually("promoted and hinted at") { hints.window(.ingestion).contains(promoted) }
            try await eventually("rescued and hinted at") { hints.window(.ingestion).contains(lost) }
            #expect(store.crashCount(of: lost) == 1)
            #expect(leader.rescued == 1)
            try await eventually("told to operators") { store.count(.reportLeader) > 0 }
        }
    }

    @Test("a list that a dead incarnation left is cleared")
    func reclaims() async throws {
        let hints = MemoryTaskHints()
        let dead = WorkerID.random()
        hints.leave([TaskID(1)], to: dead)
        try await running([coordinator(MemoryTaskStore(), hints)]) { _ in
            try await eventually("cleared") { try await hints.incarnations().isEmpty }
        }
    }

    @Test("a duty that fails goes on, and says how it fares")
    func health() async throws {
        let store = MemoryTaskStore()
        let hints = MemoryTaskHints()
        hints.setDown(true)
        let leader = coordinator(store, hints)
        try await running([leader]) { _ in
            func relay() throws -> DutyHealth { try #require(leader.health.first { $0.name == "relay" }) }
            try await eventually("fails") { try relay().failures > 1 }
            #expect(try relay().lastError?.contains("fault") == true)
            #expect(try relay().lastSuccess == nil)
            let promoter = try #require(leader.health.first { $0.name == "promoter" })
            #expect(promoter.failures == 0 && promoter.lastSuccess != nil)
            hints.setDown(false)
            try await eventually("recovers") { try relay().failures == 0 }
            #expect(try relay().lastError == nil)
        }
    }

    @Test("after the store was away the rescuer leaves workers a moment to give back by themselves")
    func leavesAMoment() async throws {
        let store = MemoryTaskStore()
        try await running([coordinator(store, nil)]) { _ in
            try await eventually("sweeps") { store.count(.rescue) > 1 }
            store.setFault { $0 == .rescue ? .refused(isTransient: true) : nil }
            let before = store.count(.rescue)
            try await eventually("fails") { store.count(.rescue) > before }
            store.setFault(nil)
            let failed = store.count(.rescue)
            try await eventually("sweeps again") { store.count(.rescue) > failed }
        }
    }
}
