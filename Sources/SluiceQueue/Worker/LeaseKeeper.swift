internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

/// Renews the worker's lease and enforces deadlines from a thread of its own, with timers of its own: handlers that keep
/// all cores and the whole cooperative pool busy cannot starve it.
///
/// When trust in the lease ends, everything is stopped at once and the worker registers anew under another id.
final class LeaseKeeper: Sendable {
    private let worker: Worker
    private let thread: LoopThread
    private let bell = Bell()
    private let isOver = Atomic<Bool>(false)
    /// Claims that the last renewal found in the store but not here.
    private let suspects = Mutex<Set<Fence>>([])
    /// Deadlines are enforced to this precision.
    private static let tick = Duration.milliseconds(200)

    init(worker: Worker, thread: LoopThread) {
        self.worker = worker
        self.thread = thread
    }

    /// Ends `run`, after the drain.
    func end() {
        isOver.store(true, ordering: .relaxed)
        bell.ring()
    }

    func run(_ shutdown: Shutdown) async {
        var lastTick = ContinuousClock.now
        while !isOver.load(ordering: .relaxed) {
            let now = ContinuousClock.now
            // A late tick means that the process stood still: then its tasks are the rescuer's, and count as a crash.
            let stoodStill = now - lastTick > worker.configuration.leaseLength / 5
            lastTick = now
            switch worker.lease.withLock({ $0.tick(at: now) }) {
            // On their own: a call that hangs must not keep this loop from noticing that trust has ended.
            case .renew(let id): detached(on: thread) { [self] in await renew(id, shutdown) }
            case .register: if shutdown.isRunning { detached(on: thread) { [self] in await register() } }
            case .end(let id):
                worker.logger.error("the lease could not be renewed in time", metadata: ["worker.id": "\(id)"])
                worker.loseLease(id, givingBack: !stoodStill)
            case nil: break
            }
            worker.enforceDeadlines(at: now)
            let next = worker.lease.withLock { $0.next }
            _ = await bell.wait(until: min(next, now + Self.tick), on: thread)
        }
    }

    private func renew(_ id: WorkerID, _ shutdown: Shutdown) async {
        let sent = ContinuousClock.now
        do {
            let held = worker.holds.fences
            switch try await worker.store.renew(id, report: report(shutdown), holding: held) {
            case .renewed(let lost, let strays):
                worker.lease.withLock { $0.renewed(id, sentAt: sent) }
                if !lost.isEmpty { worker.lose(lost) }
                releaseStrays(strays, of: id)
            case .expired:
                guard worker.lease.withLock({ $0.refused(id, at: .now) }) else { return }
                worker.logger.error("the lease had expired", metadata: ["worker.id": "\(id)"])
                worker.loseLease(id, givingBack: false)
            }
        } catch {
            worker.logger.warning("renewing the lease failed", metadata: ["error": "\(error)"])
            worker.lease.withLock { $0.renewalFailed(id, at: .now) }
        }
        bell.ring()
    }

    /// A claim that was granted but whose answer never came would stand still until its deadline: after two renewals that
    /// found it unknown it is given back. Should the answer come after all, its fence refuses whatever follows.
    private func releaseStrays(_ strays: Set<Fence>, of id: WorkerID) {
        let unknown = strays.subtracting(worker.holds.fences)
        let released = suspects.withLock { suspects in
            defer { suspects = unknown }
            return unknown.intersection(suspects)
        }
        if released.isEmpty { return }
        worker.logger.warning("claims whose answers were lost are given back", metadata: ["count": "\(released.count)"])
        for fence in released {
            worker.settler.append(
                Settlement(fence, .released(after: .zero, reason: "the answer to its claim was lost")),
                by: id
            )
        }
    }

    private func register() async {
        do {
            try await worker.register()
        } catch {
            worker.logger.warning("registering anew failed", metadata: ["error": "\(error)"])
            var generator = SystemRandomNumberGenerator()
            worker.lease.withLock { $0.registrationFailed(at: .now, using: &generator) }
        }
        bell.ring()
    }

    private func report(_ shutdown: Shutdown) -> WorkerReport {
        let stats = worker.stats
        return WorkerReport(
            state: !shutdown.isRunning ? .draining : worker.isQuiet ? .quiet : .live,
            running: stats.running,
            residentBytes: Environment.residentBytes(),
            isDegraded: stats.isDegraded,
            staleSettlements: stats.stale,
            leaseLength: worker.configuration.leaseLength
        )
    }
}
