internal import Logging
internal import SluiceCore
internal import SluiceSystem

/// Renews the worker's lease from a thread of its own, so that handlers which keep all cores busy cannot starve it.
final class LeaseKeeper: Sendable {
    private let worker: Worker
    private let thread = PinnedThread(name: "lease")
    private let over = Bell()

    init(worker: Worker) { self.worker = worker }

    /// Ends `run` after the drain.
    func end() { over.ring() }

    func run(until shutdown: Shutdown) async {
        await withTaskExecutorPreference(thread) {
            var delay = worker.incarnation.interval
            while !(await over.wait(atMost: delay)) {
                delay = await renew(shutdown) ? worker.incarnation.interval : worker.incarnation.interval / 10
            }
        }
        thread.stop()
    }

    /// False when it must be tried again soon.
    private func renew(_ shutdown: Shutdown) async -> Bool {
        let sent = ContinuousClock.now
        do {
            let renewal = try await worker.store.renew(worker.id, report: report(shutdown), holding: worker.attempts.fences)
            switch renewal {
            case .renewed(let lost):
                worker.incarnation.renewed(sentAt: sent)
                if !lost.isEmpty {
                    // Those that settled while the question was under way are gone from the table by themselves.
                    worker.attempts.stopUnlessSettling(lost)
                }
            case .expired: await beginAnew()
            }
            return true
        } catch {
            worker.logger.warning("renewing the lease failed", metadata: ["error": "\(error)"])
            if worker.incarnation.trustedUntil <= .now, worker.attempts.count > 0 {
                worker.logger.error("the lease cannot be renewed in time; all attempts are stopped")
                worker.attempts.stopAll(.leaseLost)
            }
            return false
        }
    }

    private func beginAnew() async {
        worker.logger.error(
            "the lease had expired; all attempts are stopped and the worker begins anew",
            metadata: ["worker.id": "\(worker.id)"]
        )
        worker.attempts.stopAll(.leaseLost)
        do {
            try await worker.register()
        } catch {
            worker.logger.warning("registering anew failed", metadata: ["error": "\(error)"])
        }
    }

    private func report(_ shutdown: Shutdown) -> WorkerReport {
        WorkerReport(
            state: shutdown.isRunning ? .live : .draining,
            running: worker.attempts.count,
            residentBytes: Environment.residentBytes(),
            isDegraded: worker.claims.isDegraded,
            staleSettlements: worker.settler.stale,
            leaseLength: worker.configuration.leaseLength
        )
    }
}
