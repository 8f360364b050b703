internal import Glibc
package import Logging
internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue
package import SluiceService
internal import SluiceStore
package import SluiceSystem
internal import Synchronization

/// The engine's worker as the product composes it, with the one kind whose handler keeps the effect log.
package enum LabWorker {
    package static func run(settings: Settings, concurrency: Int, shutdown: Shutdown, logger: Logger) async throws {
        let hints = try settings.makeHints()
        let control = settings.makeControlStore("sluice-worker", queues: 1, logger: logger)
        let data = settings.makeStore("sluice-handlers", logger: logger)
        let tasks = PostgresTaskStore(control)
        let handler = LabHandler(store: data, enqueuer: Enqueuer(store: tasks, hints: hints, logger: logger))
        var handlers = HandlerRegistry()
        handlers.register(LabWork.self) { try await handler.perform($0, $1) }
        let worker = Worker(
            configuration: WorkerConfiguration(
                concurrency: [LabTables.queue: concurrency],
                host: Environment.hostName(),
                pid: Environment.processID(),
                version: Version.text,
                leaseLength: settings.leaseLength,
                drainTimeout: settings.drainTimeout
            ),
            store: tasks,
            hints: hints,
            control: PostgresControlStore(control),
            handlers: handlers,
            logger: logger
        )
        try await worker.run(shutdown: shutdown)
        data.close()
        control.close()
    }
}

struct LabHandler: Sendable {
    let store: Store
    let enqueuer: Enqueuer
    private let pid = Environment.processID()

    init(store: Store, enqueuer: Enqueuer) {
        self.store = store
        self.enqueuer = enqueuer
    }

    func perform(_ work: LabWork, _ context: AttemptContext) async throws -> AttemptOutcome {
        let fence = context.fence
        if work.isQuiet { return .completed }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let seconds = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
        let began = LabTables.started(fence, worker: pid, localSeconds: seconds)
        let earlier = try await store.pool.query(began).first ?? 0
        if work.kills { kill(pid, SIGKILL) }
        if work.hogsMemory, earlier == 0 { Self.takeAllMemory() }
        do {
            try await Task.sleep(for: .milliseconds(work.milliseconds))
        } catch  where work.isStubborn {}
        if earlier < work.snoozes { return .snoozed(for: .milliseconds(200), reason: "the load asks for it") }
        if earlier < work.snoozes + work.failures {
            throw TaskFailure(errorClass: "lab.failed", message: "the load asks for a failure")
        }
        if work.dies {
            return .dead(TaskFailure(errorClass: "lab.dead", message: "the load asks for a dead letter"))
        }
        if work.steps == 0 { return .completed }
        FailPoint.pass(.beforeEffect)
        do {
            let children = try await uncancelled { try await effect(work, fence) }
            FailPoint.pass(.afterCommit)
            await enqueuer.announce(children)
        } catch let stale as StaleLease {
            _ = try await uncancelled { try await store.pool.execute(LabTables.refused(fence, worker: pid)) }
            throw stale
        }
        return .settledByHandler
    }

    private func effect(_ work: LabWork, _ fence: Fence) async throws -> [EnqueuedTask] {
        try await store.pool.transaction { transaction in
            try await store.complete(fence, in: transaction)
            try await transaction.execute(LabTables.effects(fence, steps: work.steps, worker: pid))
            let children = [LabTask](repeating: LabTask(LabWork()), count: work.children)
            let enqueued = children.isEmpty ? [] : try await store.enqueueLab(children, in: transaction)
            FailPoint.pass(.beforeCommit)
            return enqueued
        }
    }

    /// Until the limit ends the process, or the machine's patience: 8 GiB.
    private static func takeAllMemory() {
        for _ in 0..<128 {
            let block = [UInt8](repeating: 1, count: 64 << 20)
            taken.withLock { $0.append(block) }
        }
    }
}
