package import Logging
package import SluiceCore
package import SluiceSystem
internal import Synchronization

/// Claims and performs tasks of some queues, under one lease.
///
/// Each queue has a lane with a loop that claims what its free slots can take; each attempt runs on its own; verdicts go
/// through one settler. The loops run on a thread of the worker's own and the lease is kept from another, so that handlers
/// which block the cooperative pool stop neither. When the lease cannot be renewed in time, all attempts are stopped,
/// nothing more is written for them, and the worker begins anew under another id.
///
/// Shutdown: stop claiming; give back what was claimed ahead; let attempts end for `drainTimeout`; stop the rest, which
/// are released without costing an attempt; write what is left to write; take the worker off the books.
package final class Worker: Sendable {
    let configuration: WorkerConfiguration
    let store: any TaskStore
    let hints: (any TaskHints)?
    let handlers: HandlerRegistry
    let control: (any ControlStore)?
    let logger: Logger
    let lanes: [Lane]
    let holds: Holds
    let settler: Settler
    let counters = WorkerCounters()
    let lease: Mutex<LeaseClock>
    let hintHealth = Mutex(HintHealth())
    let loops: LoopThread
    let listenerBell = Bell()
    let progress: ProgressBoard
    /// Hands what handlers say to the board; one closure for all attempts.
    let reporter: (@Sendable (ProgressReport) -> Void)?
    let isolation = Mutex(IsolationGate())
    let suspects = Bell()
    private let quiet = Atomic<Bool>(false)
    private let lastID = Mutex<WorkerID?>(nil)
    /// Incarnations that ended although this process was well: what they held is given back.
    private let former = Mutex<[WorkerID]>([])

    package init(
        configuration: WorkerConfiguration,
        store: any TaskStore,
        hints: (any TaskHints)?,
        control: (any ControlStore)? = nil,
        handlers: HandlerRegistry,
        logger: Logger
    ) {
        let lanes = configuration.concurrency.sorted { $0.key < $1.key }.map { queue, concurrency in
            Lane(queue: queue, concurrency: concurrency, lookahead: configuration.lookahead)
        }
        let holds = Holds()
        let loops = LoopThread(name: "engine")
        self.configuration = configuration
        self.store = store
        self.hints = hints
        self.control = control
        self.handlers = handlers
        self.logger = logger
        self.lanes = lanes
        self.holds = holds
        self.loops = loops
        let progress = ProgressBoard { holds.progressed($0) }
        self.progress = progress
        let reporter: @Sendable (ProgressReport) -> Void = { report in progress.report(report) }
        self.reporter = control == nil ? nil : reporter
        lease = Mutex(LeaseClock(length: configuration.leaseLength, now: .now))
        settler = Settler(store: store, logger: logger, thread: loops, counters: counters) { fences in
            holds.remove(fences)
            for lane in lanes where lane.isHeldUp { lane.bell.ring() }
        }
    }

    /// True while the worker claims nothing although it could; what runs goes on.
    package var isQuiet: Bool { quiet.load(ordering: .relaxed) }

    /// Stops or resumes claiming.
    package func setQuiet(_ value: Bool) {
        guard quiet.exchange(value, ordering: .relaxed) != value else { return }
        logger.notice(value ? "quiet: nothing more is claimed, what runs goes on" : "claims again")
        for lane in lanes { lane.bell.ring() }
    }

    /// Attempts that run now.
    package var running: Int { holds.runningCount }
    /// The incarnation that holds the lease, or held the last one; nil before the first registration.
    package var id: WorkerID? { lastID.withLock { $0 } }

    package var stats: WorkerStats {
        var stats = counters.snapshot
        stats.running = holds.runningCount
        stats.backlog = settler.backlog
        stats.isDegraded = hints != nil && hintHealth.withLock { $0.isDegraded }
        return stats
    }

    /// Runs until `shutdown` drains and everything has ended; once. Throws only when the store refuses the worker at the
    /// start. Cancelling the calling task drains without grace.
    package func run(shutdown: Shutdown) async throws {
        try await withTaskCancellationHandler {
            // Inside nothing is cancelled but attempts: a claim or a verdict is never lost half-way.
            try await uncancelled(on: loops) { [self] in try await runUncancelled(shutdown) }
        } onCancel: {
            shutdown.advance(to: .stopping)
        }
        loops.stop()
    }

    private func runUncancelled(_ shutdown: Shutdown) async throws {
        guard try await registerAtStart(shutdown) else { return }
        logger.notice(
            "worker started",
            metadata: ["worker.id": "\(id.map(\.description) ?? "")", "queues": "\(lanes.map(\.queue.rawValue))"]
        )
        let leaseThread = LoopThread(name: "lease")
        let keeper = LeaseKeeper(worker: self, thread: leaseThread)
        let controller = ControlKeeper(worker: self, thread: leaseThread)
        let listener = detached(on: loops) { [self] in await listen() }
        await withDiscardingTaskGroup { group in
            group.addTask(executorPreference: leaseThread) { await keeper.run(shutdown) }
            group.addTask { [self] in await settler.run() }
            group.addTask(executorPreference: leaseThread) { await controller.run(shutdown) }
            await withDiscardingTaskGroup { claims in
                for lane in lanes { claims.addTask { [self] in await claimLoop(lane, shutdown) } }
                claims.addTask { [self] in await isolationLoop(shutdown) }
                await shutdown.wait(for: .draining)
                for lane in lanes { lane.bell.ring() }
                suspects.ring()
                holds.quiet.ring()
            }
            listener.cancel()
            await drain(shutdown)
            keeper.end()
            controller.end()
        }
        await retire()
        leaseThread.stop()
        logger.notice("worker stopped", metadata: ["worker.id": "\(id.map(\.description) ?? "")"])
    }

    // MARK: - Incarnations

    /// False when the drain began first.
    private func registerAtStart(_ shutdown: Shutdown) async throws -> Bool {
        var failures = 0
        while shutdown.isRunning {
            do {
                try await register()
                if lease.withLock({ $0.trusted(at: .now) }) != nil { return true }
            } catch  where error.isTransientFailure {
                failures += 1
                logger.warning("the store cannot be reached yet", metadata: ["error": "\(error)"])
                _ = await shutdown.sleep(for: .milliseconds(Int.random(in: 200...min(5_000, 400 << min(failures, 4)))))
            }
        }
        return false
    }

    /// Makes a new incarnation known and becomes it.
    func register() async throws {
        let id = WorkerID.random()
        let sent = ContinuousClock.now
        try await store.register(
            WorkerRegistration(
                id: id,
                role: .worker,
                host: configuration.host,
                pid: configuration.pid,
                version: configuration.version,
                queues: lanes.map(\.queue),
                concurrency: configuration.concurrency.values.reduce(0, +),
                leaseLength: configuration.leaseLength
            )
        )
        let became = lease.withLock { lease in
            guard lease.registered(id, sentAt: sent, now: .now) else { return false }
            // Before anyone can claim under it.
            holds.begin(id)
            settler.begin(id)
            return true
        }
        guard became else { return former.withLock { $0.append(id) } }
        lastID.withLock { $0 = id }
        logger.info("registered", metadata: ["worker.id": "\(id)"])
        for lane in lanes { lane.bell.ring() }
        for gone in former.withLock({ $0 }) {
            // Best effort: otherwise the rescuer takes what it held, at the cost of an attempt.
            try? await store.retire(gone)
            former.withLock { former in former.removeAll { $0 == gone } }
        }
    }

    /// Stops everything that was claimed under a lease that has ended.
    ///
    /// - Parameter givingBack: true when the process was well and only the store could not be reached: then what was held
    ///   is given back, attempts refunded, as soon as the store answers.
    func loseLease(_ id: WorkerID, givingBack: Bool) {
        let stopped = holds.loseAll()
        for lane in lanes { _ = lane.drain() }
        settler.abandon()
        for attempt in stopped { attempt.cancel() }
        counters.add { stats in
            stats.leasesLost += 1
            stats.stale += stopped.count
        }
        if givingBack { former.withLock { $0.append(id) } }
        logger.error(
            "all attempts are stopped and the worker begins anew",
            metadata: ["worker.id": "\(id)", "attempts": "\(stopped.count)"]
        )
    }

    private func retire() async {
        guard let id = lease.withLock({ $0.trusted(at: .now) }) else { return }
        do {
            try await store.retire(id)
        } catch {
            logger.warning(
                "the worker could not take itself off the books; its lease will run out",
                metadata: ["error": "\(error)"]
            )
        }
    }
}
