internal import Logging
internal import SluiceCore
internal import SluiceSystem
internal import Synchronization

extension Worker {
    static let isolationReason = "tasks that may have ended workers run first, with nothing beside them"
    /// After a turn that found no suspect to run, since a cap holds them back or others were faster.
    private static let fruitlessPause = Duration.seconds(2)

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

    /// Runs suspects of crashes, one group at a time with nothing beside it, when it is this worker's turn.
    ///
    /// While it does, the lanes claim nothing and what was claimed ahead goes back. So that a suspect which ends the process
    /// takes only suspects with it, and is known to be guilty once it is alone.
    func isolationLoop(_ shutdown: Shutdown) async {
        guard let control else { return }
        var pauses = 0
        var notBefore = ContinuousClock.now
        while shutdown.isRunning {
            _ = await suspects.wait(until: nil, on: loops)
            guard shutdown.isRunning, !isQuiet, .now >= notBefore else { continue }
            isolation.withLock { $0.close() }
            for lane in lanes { giveBack(lane.drain(), reason: Self.isolationReason) }
            let count = await runSuspects(control, shutdown)
            if count > 0 {
                logger.notice("suspects of crashes have run isolated", metadata: ["count": "\(count)"])
                pauses = 0
            } else {
                // Each turn costs what else the worker could do.
                notBefore = .now + Self.fruitlessPause * Double(1 << pauses)
                pauses = min(pauses + 1, 4)
            }
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
                let group = try await control.claimSuspects(slots: configuration.concurrency, worker: me)
                guard let first = group.first, let lane = lanes.first(where: { $0.queue == first.queue }) else {
                    return count
                }
                for task in group {
                    logger.notice(
                        "a suspect of crashes runs isolated",
                        metadata: [
                            "task.id": "\(task.id)", "crashes": "\(task.crashCount)", "together": "\(group.count)",
                        ]
                    )
                }
                accept(group, lane, me, shutdown)
                count += group.count
            } catch {
                logger.warning("claiming a suspect failed", metadata: ["error": "\(error)"])
                return count
            }
        }
        return count
    }
}
