internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

extension Worker {
    static let isolationReason = "a task that may have ended a worker runs alone first"

    /// Asks the handlers of these attempts to stop; those that do not are given up after the grace.
    func cancel(_ reasons: [Fence: String]) {
        for attempt in holds.cancel(reasons) {
            attempt.context.logger.notice("an operator cancels the attempt")
            attempt.cancel()
        }
    }

    /// Logs every attempt that runs, for a look into a live process.
    package func dump() {
        let running = holds.running.sorted { $0.attempt.startedAt < $1.attempt.startedAt }
        let stats = stats
        logger.notice(
            "in flight",
            metadata: [
                "running": "\(running.count)", "backlog": "\(stats.backlog)", "claimed": "\(stats.claimed)",
                "quiet": "\(isQuiet)", "degraded": "\(stats.isDegraded)",
                "isolating": "\(isolation.withLock { $0.isClosed })",
                "worker.id": "\(id.map(\.description) ?? "none")",
            ]
        )
        for (attempt, reason) in running {
            attempt.context.logger.notice(
                "attempt in flight",
                metadata: [
                    "lease.token": "\(attempt.task.token)", "seconds": "\(attempt.startedAt.elapsed.inSeconds)",
                    "timeout": "\(attempt.task.timeout.inSeconds)",
                    "stopped": "\(reason.map { "\($0)" } ?? "no")",
                ]
            )
        }
    }

    // MARK: - Suspects

    /// Ends a claim that the gate let in.
    func leaveGate() { if isolation.withLock({ $0.leave() }) { holds.quiet.ring() } }

    /// Runs suspects of crashes, one at a time with nothing beside them, when it is this worker's turn.
    ///
    /// While it does, the lanes claim nothing and what was claimed ahead goes back. So that a suspect which ends the process
    /// takes nothing with it, and is known to be guilty.
    func isolationLoop(_ shutdown: Shutdown) async {
        guard let control else { return }
        while shutdown.isRunning {
            _ = await suspects.wait(until: nil, on: loops)
            guard shutdown.isRunning, !isQuiet else { continue }
            isolation.withLock { $0.close() }
            for lane in lanes { giveBack(lane.drain(), reason: Self.isolationReason) }
            let count = await runSuspects(control, shutdown)
            if count > 0 { logger.notice("suspects of crashes have run alone", metadata: ["count": "\(count)"]) }
            isolation.withLock { $0.open() }
            for lane in lanes { lane.bell.ring() }
        }
    }

    /// - Returns: how many ran.
    private func runSuspects(_ control: any ControlStore, _ shutdown: Shutdown) async -> Int {
        var count = 0
        while shutdown.isRunning, !isQuiet {
            guard isolation.withLock({ $0.mayRunSuspect(holdsNothing: holds.isQuiet) }) else {
                // Whoever ends a claim or an attempt rings; the limit is for safety only.
                _ = await holds.quiet.wait(until: .now + .seconds(1), on: loops)
                continue
            }
            guard let me = lease.withLock({ $0.trusted(at: .now) }) else { return count }
            do {
                let queues = lanes.map(\.queue)
                guard let task = try await control.claimSuspect(queues: queues, worker: me),
                    let lane = lanes.first(where: { $0.queue == task.queue })
                else { return count }
                logger.notice(
                    "a suspect of a crash runs alone",
                    metadata: ["task.id": "\(task.id)", "crashes": "\(task.crashCount)"]
                )
                accept([task], lane, me, shutdown)
                count += 1
            } catch {
                logger.warning("claiming a suspect failed", metadata: ["error": "\(error)"])
                return count
            }
        }
        return count
    }
}
