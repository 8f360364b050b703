package import Logging
internal import SluiceCore
package import SluiceSystem
internal import Synchronization

/// The duties of which one coordinator in the fleet takes care: the leader. Others stand by and take over when its lease
/// has run out. Two leaders at once would do no harm: every write is guarded by its own condition.
package final class Coordinator: Sendable {
    private let configuration: CoordinatorConfiguration
    private let store: any TaskStore
    private let hints: (any TaskHints)?
    private let logger: Logger
    private let leadership: Leadership
    private let id = Mutex(WorkerID.random())
    private let rescued = Mutex(0)

    package init(
        configuration: CoordinatorConfiguration,
        store: any TaskStore,
        hints: (any TaskHints)?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.store = store
        self.hints = hints
        self.logger = logger
        leadership = Leadership(length: configuration.leaseLength)
    }

    /// True while this coordinator leads and may trust it.
    package var isLeader: Bool { leadership.term != nil }

    /// Runs until `shutdown` drains; then resigns, so that a standby need not wait for the lease to run out.
    package func run(shutdown: Shutdown) async {
        let relay = hints.map { Relay(store: store, hints: $0) }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.elect(shutdown) }
            for duty in duties(relay) {
                group.addTask { await duty.run(self.leadership, shutdown, self.logger) }
            }
        }
        let me = id.withLock { $0 }
        leadership.forget()
        do {
            try await store.resign(me)
            try await store.retire(me)
        } catch {
            logger.warning("resigning failed; the lease will run out", metadata: ["error": "\(error)"])
        }
        logger.notice("coordinator stopped")
    }

    private func duties(_ relay: Relay?) -> [Duty] {
        var duties = [
            Duty(name: "promoter", interval: .milliseconds(200)) { [store] _ in
                try await store.promoteDue(limit: 5_000).values.reduce(0, +) == 5_000
            },
            Duty(name: "rescuer", interval: configuration.sweepInterval) { [self] term in
                try await sweep(term, relay)
            },
            Duty(name: "pruner", interval: .seconds(3_600)) { [self] term in
                let report = try await store.prune(retention: configuration.archiveRetention, term: term)
                if report != PruneReport() {
                    logger.info(
                        "pruned",
                        metadata: [
                            "partitions.created": "\(report.partitionsCreated)",
                            "partitions.dropped": "\(report.partitionsDropped)",
                            "workers.forgotten": "\(report.workersForgotten)",
                        ]
                    )
                }
                return false
            },
        ]
        if let hints, let relay {
            duties.append(Duty(name: "relay", interval: .milliseconds(25)) { _ in try await relay.round() })
            let reclaimer = Reclaimer(store: store, hints: hints)
            duties.append(Duty(name: "reclaimer", interval: .seconds(15)) { _ in try await reclaimer.round() })
        }
        return duties
    }

    private func sweep(_ term: Int64, _ relay: Relay?) async throws -> Bool {
        let limit = 500
        let taken = try await store.rescue(limit: limit, term: term)
        for task in taken {
            logger.warning(
                task.isDead ? "rescued too often, dead" : "rescued",
                metadata: ["task.id": "\(task.id)", "queue": "\(task.queue)", "cause": "\(task.cause.rawValue)"]
            )
        }
        try await store.reportLeader(term: term, relayLag: relay?.roundTime ?? .zero, rescued: taken.count)
        return taken.count == limit
    }

    // MARK: - Election

    private func elect(_ shutdown: Shutdown) async {
        var isRegistered = false
        while shutdown.isRunning {
            do {
                isRegistered = try await keepRegistered(isRegistered)
                let sent = ContinuousClock.now
                let me = id.withLock { $0 }
                let term = try await store.lead(as: me, for: configuration.leaseLength)
                if leadership.answered(term, sentAt: sent) {
                    logger.notice(
                        term == nil ? "standing by" : "leading",
                        metadata: term.map { ["term": "\($0)"] } ?? [:]
                    )
                }
                // A standby asks more often, so that it takes over soon after the lease has run out.
                let pause = term == nil ? configuration.leaseLength / 7 : configuration.leaseLength / 3
                _ = await shutdown.sleep(for: pause * Double.random(in: 0.8...1))
            } catch {
                logger.warning("the election failed and is tried again", metadata: ["error": "\(error)"])
                _ = await shutdown.sleep(for: .milliseconds(Int.random(in: 200...1_000)))
            }
        }
    }

    /// Stands in the list of workers, for operators; anew when the lease there has expired.
    private func keepRegistered(_ isRegistered: Bool) async throws -> Bool {
        if isRegistered {
            let report = WorkerReport(
                state: .live,
                running: 0,
                residentBytes: Environment.residentBytes(),
                isDegraded: false,
                staleSettlements: 0,
                leaseLength: configuration.leaseLength
            )
            if try await store.renew(id.withLock { $0 }, report: report, holding: []) != .expired { return true }
        }
        let me = WorkerID.random()
        try await store.register(
            WorkerRegistration(
                id: me,
                role: .coordinator,
                host: configuration.host,
                pid: configuration.pid,
                version: configuration.version,
                queues: [],
                concurrency: 0,
                leaseLength: configuration.leaseLength
            )
        )
        id.withLock { $0 = me }
        return true
    }
}
