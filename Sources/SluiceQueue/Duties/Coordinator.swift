package import Logging
internal import SluiceCore
package import SluiceSystem

/// The duties of which one coordinator in the fleet takes care: the leader. Others stand by and take over when its lease
/// has run out. Two leaders at once would do no harm: every write is guarded by its own condition.
package final class Coordinator: Sendable {
    private let store: any TaskStore
    private let hints: (any TaskHints)?
    private let logger: Logger
    private let configuration: CoordinatorConfiguration
    private let leadership: Leadership
    private let elector: Elector
    private let rescuer: Rescuer
    private let relay: Relay?
    private let duties: [Duty]
    private let thread = LoopThread(name: "duties")

    /// - Parameters:
    ///   - schedules: nil: this coordinator fires no schedules.
    ///   - upkeep: what else the leader sees to every few minutes.
    package init(
        configuration: CoordinatorConfiguration,
        store: any TaskStore,
        hints: (any TaskHints)?,
        schedules: (any ScheduleStore)? = nil,
        upkeep: (any Upkeep)? = nil,
        zones: TimeZones = TimeZones(),
        logger: Logger
    ) {
        let leadership = Leadership(length: configuration.leaseLength)
        let relay = hints.map { Relay(store: store, hints: $0, order: configuration.aging) }
        let rescuer = Rescuer(store: store, logger: logger)
        self.configuration = configuration
        self.store = store
        self.hints = hints
        self.logger = logger
        self.leadership = leadership
        self.relay = relay
        self.rescuer = rescuer
        elector = Elector(configuration: configuration, store: store, leadership: leadership, logger: logger)

        let relaying = relay.map { relay in
            Duty(name: "relay", busy: .milliseconds(20), idle: .milliseconds(400)) { _ in try await relay.round() }
        }
        var duties = [
            Self.promoter(store, relay, relaying),
            Self.sweeper(rescuer, relay, relaying, configuration.sweepInterval),
            Self.pruner(store, configuration.archiveRetention, logger),
            Duty(name: "reporter", idle: .seconds(2)) { term in
                try await store.reportLeader(
                    term: term,
                    relayLag: relay?.lag ?? .zero,
                    rescued: rescuer.takeUnreported()
                )
                return .nothing
            },
        ]
        if let hints, let relaying {
            let reclaimer = Reclaimer(store: store, hints: hints)
            duties.append(relaying)
            duties.append(
                Duty(name: "reviewer", idle: .milliseconds(250)) { _ in
                    try await relay?.review()
                    return .nothing
                }
            )
            duties.append(
                Duty(name: "reclaimer", idle: .seconds(15)) { _ in
                    if try await reclaimer.round() > 0 { relaying.bell.ring() }
                    return .nothing
                }
            )
        }
        if let schedules {
            let scheduler = Scheduler(
                store: schedules,
                enqueuer: Enqueuer(store: store, hints: hints, logger: logger),
                zones: zones,
                logger: logger
            )
            duties.append(Self.scheduling(scheduler))
            duties.append(Self.forgetter(schedules, configuration.fireRetention))
        }
        if let upkeep {
            duties.append(
                Duty(name: "upkeep", busy: .seconds(10), idle: .seconds(180)) { term in
                    try await upkeep.round(term: term) ? .some : .nothing
                }
            )
        }
        self.duties = duties
    }

    /// True while this coordinator leads and may trust it.
    package var isLeader: Bool { leadership.term != nil }
    /// Duties do rounds only while this coordinator leads.
    package var health: [DutyHealth] { duties.map(\.health) }
    /// Tasks taken from workers that were gone, since the start.
    package var rescued: Int { rescuer.rescued }

    /// Runs until `shutdown` drains, or the calling task is cancelled; then resigns, so that a standby need not wait for
    /// the lease to run out. Once.
    package func run(shutdown: Shutdown) async {
        await withTaskCancellationHandler {
            // Never throws: the body does not.
            try? await uncancelled(on: thread) { [self] in await runUncancelled(shutdown) }
        } onCancel: {
            shutdown.advance(to: .stopping)
        }
        thread.stop()
        logger.notice("coordinator stopped")
    }

    private func runUncancelled(_ shutdown: Shutdown) async {
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                await elector.run(shutdown, on: thread) { [duties] in for duty in duties { duty.bell.ring() } }
            }
            for duty in duties {
                group.addTask { [self] in await duty.run(leadership, shutdown, on: thread, logger) }
            }
            let listener = detached(on: thread) { [self] in await listen() }
            await shutdown.wait(for: .draining)
            listener.cancel()
            elector.bell.ring()
            for duty in duties { duty.bell.ring() }
        }
        await elector.resign()
    }

    /// Wakes the relay for enqueuers that could not put their hints into a window themselves.
    private func listen() async {
        guard let hints, let relaying = duties.first(where: { $0.name == "relay" }) else { return }
        let pause = Bell()
        while !Task.isCancelled {
            let wasCalled = isLeader ? try? await hints.waitForCall(atMost: .seconds(2)) : nil
            if wasCalled == true { relaying.bell.ring() }
            // Calls come as fast as enqueues; one look serves all of a moment.
            _ = await pause.wait(until: .now + .milliseconds(wasCalled == nil ? 500 : 10), on: thread)
        }
    }

    private static func promoter(_ store: any TaskStore, _ relay: Relay?, _ relaying: Duty?) -> Duty {
        let limit = 5_000
        return Duty(name: "promoter", idle: .milliseconds(200)) { _ in
            let promoted = try await store.promoteDue(limit: limit)
            if promoted.isEmpty { return .nothing }
            relay?.promoted(promoted)
            relaying?.bell.ring()
            return promoted.values.reduce(0) { $0 + $1.count } >= limit ? .plenty : .nothing
        }
    }

    private static func sweeper(_ rescuer: Rescuer, _ relay: Relay?, _ relaying: Duty?, _ interval: Duration) -> Duty {
        Duty(name: "rescuer", idle: interval) { term in
            let taken = try await rescuer.round(term: term)
            if !taken.isEmpty {
                relay?.forget(taken)
                relaying?.bell.ring()
            }
            return Rescuer.yield(taken)
        }
    }

    private static func pruner(_ store: any TaskStore, _ retention: Duration, _ logger: Logger) -> Duty {
        Duty(name: "pruner", idle: .seconds(3_600)) { term in
            let report = try await store.prune(retention: retention, term: term)
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
            return .nothing
        }
    }

    private static func scheduling(_ scheduler: Scheduler) -> Duty {
        // Often enough for schedules that were added meanwhile and for fires that wait for a task.
        let idle = Duration.seconds(2)
        return Duty(name: "scheduler", idle: idle) { _ in .later(try await scheduler.round() ?? idle) }
    }

    private static func forgetter(_ schedules: any ScheduleStore, _ retention: Duration) -> Duty {
        Duty(name: "forgetter", idle: .seconds(3_600)) { _ in
            try await schedules.forgetFires(olderThan: retention) > 0 ? .plenty : .nothing
        }
    }
}
