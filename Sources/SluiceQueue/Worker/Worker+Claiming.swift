internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

extension Worker {
    /// Keeps one lane full while there is work.
    func claimLoop(_ lane: Lane, _ shutdown: Shutdown) async {
        var strategy = ClaimStrategy(idlePoll: configuration.idlePoll)
        var generator = SystemRandomNumberGenerator()
        while shutdown.isRunning {
            let room = lane.room()
            lane.setHeldUp(!settler.acceptsMore)
            guard room > 0, !lane.isHeldUp, !isQuiet, let me = lease.withLock({ $0.trusted(at: .now) }),
                isolation.withLock({ $0.enter() })
            else {
                // Whoever makes room, shrinks the backlog or gets a lease rings; the limit is for safety only.
                _ = await lane.bell.wait(until: .now + .seconds(1), on: loops)
                continue
            }
            let isUsable = hints != nil && hintHealth.withLock { $0.isUsable(at: .now) }
            switch strategy.next(hintsAreUsable: isUsable, using: &generator) {
            case .fetch:
                strategy.record(await fetch(room, lane, me, shutdown), at: .now)
                leaveGate()
            case .look:
                strategy.record(await look(room, lane, me, shutdown), at: .now)
                leaveGate()
            case .rest(let duration):
                leaveGate()
                lane.setIdle(true)
                listenerBell.ring()
                let wasWoken = await lane.bell.wait(until: .now + duration, on: loops)
                lane.setIdle(false)
                strategy.record(.rested(wasWoken: wasWoken), at: .now)
            }
        }
    }

    private func fetch(_ room: Int, _ lane: Lane, _ me: WorkerID, _ shutdown: Shutdown) async -> ClaimStrategy.Event {
        guard let hints else { return .hintsFailed }
        let ids: [TaskID]
        do {
            ids = try await hints.fetch(queue: lane.queue, worker: me, limit: room)
            if hintHealth.withLock({ $0.worked() }) { logger.notice("hints are back") }
        } catch {
            hintsFailed(error)
            return .hintsFailed
        }
        if ids.isEmpty { return .fetched(0) }
        FailPoint.pass(.afterFetch)
        // A hint doubled within one fetch is one task.
        let distinct = Array(Set(ids)).sorted()
        do {
            guard shutdown.isRunning else { throw CancellationError() }
            let claimed = try await store.claim(distinct, queue: lane.queue, worker: me)
            counters.add { $0.staleHints += ids.count - claimed.count }
            accept(claimed, lane, me, shutdown)
        } catch {
            // They are still somebody's to claim, soon.
            do { try await hints.handBack(ids, queue: lane.queue, worker: me) } catch { hintsFailed(error) }
            return claimFailed(error, lane, shutdown)
        }
        // Claimed tasks run already; an error here only means that the hints server remembers them a while longer.
        do { try await hints.acknowledge(ids, worker: me) } catch { hintsFailed(error) }
        return .fetched(ids.count)
    }

    private func look(_ room: Int, _ lane: Lane, _ me: WorkerID, _ shutdown: Shutdown) async -> ClaimStrategy.Event {
        let began = ContinuousClock.now
        do {
            let claimed = try await store.claimNext(queue: lane.queue, limit: room, worker: me)
            let cost = began.elapsed
            accept(claimed, lane, me, shutdown)
            return .looked(found: claimed.count, wanted: room, cost: cost)
        } catch {
            return claimFailed(error, lane, shutdown)
        }
    }

    func accept(_ tasks: [ClaimedTask], _ lane: Lane, _ me: WorkerID, _ shutdown: Shutdown) {
        if tasks.isEmpty { return }
        FailPoint.pass(.afterClaim)
        guard holds.claimed(tasks, by: me) else {
            return logger.warning(
                "claims of a lease that has ended meanwhile are left to the rescuer",
                metadata: ["queue": "\(lane.queue)", "count": "\(tasks.count)"]
            )
        }
        counters.add { $0.claimed += tasks.count }
        // Granted while the drain began: not started any more.
        guard shutdown.isRunning else { return giveBack(tasks, reason: Self.drainReason) }
        lane.claimed(tasks)
        pump(lane)
    }

    private func claimFailed(_ error: any Error, _ lane: Lane, _ shutdown: Shutdown) -> ClaimStrategy.Event {
        if shutdown.isRunning {
            logger.warning("claiming failed", metadata: ["queue": "\(lane.queue)", "error": "\(error)"])
        }
        return .storeFailed
    }

    private func hintsFailed(_ error: any Error) {
        var generator = SystemRandomNumberGenerator()
        if hintHealth.withLock({ $0.failed(at: .now, using: &generator) }) {
            logger.warning("no hints: claiming straight from the store", metadata: ["error": "\(error)"])
        }
    }

    /// Waits for wake-ups on behalf of the lanes that rest. One for the process; a busy lane must not eat the wake-up that
    /// another process's idle one needs.
    func listen() async {
        guard let hints else { return }
        while !Task.isCancelled {
            let idle = lanes.filter(\.isIdle)
            guard !idle.isEmpty, hintHealth.withLock({ $0.isUsable(at: .now) }) else {
                _ = await listenerBell.wait(until: .now + .milliseconds(500), on: loops)
                continue
            }
            do {
                // Short while others are busy: they may begin to rest at any time, and want to be listened for.
                let limit = idle.count == lanes.count ? Duration.seconds(2) : .milliseconds(100)
                if let queue = try await hints.waitForWork(queues: idle.map(\.queue), atMost: limit) {
                    lanes.first { $0.queue == queue }?.bell.ring()
                }
            } catch {
                if !Task.isCancelled { hintsFailed(error) }
            }
        }
    }
}
