internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Keeps this coordinator in the list of workers and asks for the leadership, again and again.
final class Elector: Sendable {
    private let configuration: CoordinatorConfiguration
    private let store: any TaskStore
    private let logger: Logger
    private let leadership: Leadership
    private let id = Mutex<WorkerID?>(nil)
    let bell = Bell()

    init(
        configuration: CoordinatorConfiguration,
        store: any TaskStore,
        leadership: Leadership,
        logger: Logger
    ) {
        self.configuration = configuration
        self.store = store
        self.leadership = leadership
        self.logger = logger
    }

    /// - Parameter changed: called when this coordinator became the leader, or was relieved.
    func run(_ shutdown: Shutdown, on thread: LoopThread, changed: @Sendable () -> Void) async {
        var failures = 0
        while shutdown.isRunning {
            do {
                let me = try await registered()
                let sent = ContinuousClock.now
                let term = try await store.lead(as: me, for: configuration.leaseLength)
                failures = 0
                if leadership.answered(term, sentAt: sent) {
                    logger.notice(
                        term == nil ? "standing by" : "leading",
                        metadata: term.map { ["term": "\($0)"] } ?? [:]
                    )
                    changed()
                }
                // A standby asks more often, so that it takes over soon after the lease has run out.
                let pause = configuration.leaseLength / (term == nil ? 7 : 3)
                _ = await bell.wait(until: .now + pause * Double.random(in: 0.8...1), on: thread)
            } catch {
                failures += 1
                logger.warning("the election failed and is tried again", metadata: ["error": "\(error)"])
                let ceiling = min(2_000, 200 << min(failures, 4))
                _ = await bell.wait(until: .now + .milliseconds(Int.random(in: ceiling / 2...ceiling)), on: thread)
            }
        }
    }

    /// Gives the leadership back, so that a standby need not wait for the lease to run out.
    func resign() async {
        leadership.forget()
        guard let me = id.withLock({ $0 }) else { return }
        do {
            try await store.resign(me)
            try await store.retire(me)
        } catch {
            logger.warning("resigning failed; the lease will run out", metadata: ["error": "\(error)"])
        }
    }

    /// Stands in the list of workers, for operators; anew when the lease there has expired.
    private func registered() async throws -> WorkerID {
        if let me = id.withLock({ $0 }) {
            let report = WorkerReport(
                state: .live,
                running: 0,
                residentBytes: Environment.residentBytes(),
                isDegraded: false,
                staleSettlements: 0,
                leaseLength: configuration.leaseLength
            )
            if try await store.renew(me, report: report, holding: []) != .expired { return me }
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
        return me
    }
}
