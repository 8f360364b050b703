package import Logging
package import SluiceCore
package import SluiceSystem

/// Claims and performs tasks of some queues, under one lease.
///
/// Each queue has a loop that claims as many tasks as it has free slots; each task runs on its own, its verdict goes
/// through one settler. The lease is renewed from a thread of its own. When it cannot be renewed in time, all attempts are
/// stopped, nothing more is written for them, and the worker begins anew under another id.
///
/// Shutdown: stop claiming; let attempts end for `drainTimeout`; stop the rest, which are released without costing an
/// attempt; take the worker off the books.
package final class Worker: Sendable {
    let configuration: WorkerConfiguration
    let store: any TaskStore
    let handlers: HandlerRegistry
    let logger: Logger
    let attempts = Attempts()
    let incarnation: Incarnation
    let claims: HintedClaims
    let settler: Settler
    let queues: [QueueName: QueueRuntime]

    struct QueueRuntime: Sendable {
        let slots: Slots
        let bell = Bell()
    }

    package init(
        configuration: WorkerConfiguration,
        store: any TaskStore,
        hints: (any TaskHints)?,
        handlers: HandlerRegistry,
        logger: Logger
    ) {
        let incarnation = Incarnation(leaseLength: configuration.leaseLength)
        self.configuration = configuration
        self.store = store
        self.handlers = handlers
        self.logger = logger
        self.incarnation = incarnation
        queues = configuration.concurrency.mapValues { QueueRuntime(slots: Slots($0)) }
        claims = HintedClaims(store: store, hints: hints, logger: logger) { incarnation.id }
        settler = Settler(store: store, logger: logger) { (incarnation.id, incarnation.trustedUntil) }
    }

    /// Attempts that run now.
    package var running: Int { attempts.count }
    /// The id under which tasks are claimed now.
    package var id: WorkerID { incarnation.id }

    /// Runs until `shutdown` drains and everything has ended. Throws only when the worker cannot register at all.
    package func run(shutdown: Shutdown) async throws {
        try await registerAtStart(shutdown)
        guard shutdown.isRunning else { return }
        logger.notice(
            "worker started",
            metadata: ["worker.id": "\(id)", "queues": "\(configuration.concurrency.keys.sorted())"]
        )
        let keeper = LeaseKeeper(worker: self)
        await withDiscardingTaskGroup { group in
            group.addTask { await keeper.run(until: shutdown) }
            let upkeep = Work<Void> { [self] in
                while (try? await Task.sleep(for: .milliseconds(250))) != nil { enforceDeadlines() }
            }
            let listener = Work<Void> { [self] in await listen() }
            await withDiscardingTaskGroup { loops in
                for queue in queues.keys { loops.addTask { await self.claimLoop(queue, shutdown) } }
                await shutdown.wait(for: .draining)
                for runtime in queues.values {
                    runtime.bell.ring()
                    runtime.slots.wake()
                }
            }
            listener.cancel()
            await drain(shutdown)
            upkeep.cancel()
            keeper.end()
        }
        logger.notice("worker stopped", metadata: ["worker.id": "\(id)"])
    }

    private func registerAtStart(_ shutdown: Shutdown) async throws {
        var failures = 0
        while shutdown.isRunning {
            do { return try await register() } catch where error.isTransientFailure {
                failures += 1
                logger.warning("the store cannot be reached yet", metadata: ["error": "\(error)"])
                guard await shutdown.sleep(for: .milliseconds(Int.random(in: 200...min(5_000, 400 << min(failures, 4)))))
                else { return }
            }
        }
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
                queues: configuration.concurrency.keys.sorted(),
                concurrency: configuration.concurrency.values.reduce(0, +),
                leaseLength: configuration.leaseLength
            )
        )
        incarnation.begin(id, sentAt: sent)
    }

    private func enforceDeadlines() {
        for fence in attempts.enforceDeadlines(at: .now) {
            logger.error(
                "a handler does not end although it was told to; its slot goes on without it",
                metadata: ["task.id": "\(fence.task)"]
            )
        }
    }

    private func drain(_ shutdown: Shutdown) async {
        logger.notice("draining", metadata: ["running": "\(attempts.count)"])
        let deadline = ContinuousClock.now + configuration.drainTimeout
        while attempts.count > 0, .now < deadline, shutdown.phase < .stopping {
            try? await Task.sleep(for: .milliseconds(20))
        }
        attempts.stopAll(.drain)
        let last = ContinuousClock.now + Attempts.grace + .seconds(2)
        while attempts.count > 0, .now < last { try? await Task.sleep(for: .milliseconds(20)) }
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
