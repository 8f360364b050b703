internal import Logging
internal import SluiceCore
internal import SluiceSystem

extension Worker {
    /// Keeps one queue's slots full while there is work.
    func claimLoop(_ queue: QueueName, _ shutdown: Shutdown) async {
        guard let runtime = queues[queue] else { return }
        var failures = 0
        var lookIntoStore = true
        while shutdown.isRunning {
            let free = await runtime.slots.waitForFree()
            // Asked after the wait: nothing is claimed once the drain began.
            guard shutdown.isRunning else { return }
            guard free > 0 else { continue }
            do {
                let look = lookIntoStore
                // Never cancelled half-way: what is claimed must be performed or given back.
                let claimed = try await uncancelled { [claims] in
                    try await claims.next(queue, limit: min(free, 1_000), lookIntoStore: look)
                }
                failures = 0
                for task in claimed { start(task, runtime) }
                if !claimed.isEmpty {
                    lookIntoStore = false
                    continue
                }
                let limit = configuration.idlePoll * Double.random(in: 0.5...1)
                // Without hints the store is all there is: ask it often.
                lookIntoStore = !(await runtime.bell.wait(atMost: claims.listens ? limit : .milliseconds(Int.random(in: 50...150))))
            } catch {
                failures += 1
                lookIntoStore = true
                logger.warning("claiming failed", metadata: ["queue": "\(queue)", "error": "\(error)"])
                _ = await shutdown.sleep(for: .milliseconds(Int.random(in: 50...min(5_000, 100 << min(failures, 5)))))
            }
        }
    }

    /// Waits for wake-ups on behalf of the queues that idle. One for the process: a busy queue must not eat the wake-up
    /// that another process's idle one needs.
    func listen() async {
        while !Task.isCancelled {
            let idle = queues.filter { $0.value.bell.isAwaited }.map(\.key)
            guard !idle.isEmpty, claims.listens else {
                try? await Task.sleep(for: .milliseconds(idle.isEmpty ? 5 : 100))
                continue
            }
            if let queue = await claims.wake(idle, atMost: .seconds(1)) { queues[queue]?.bell.ring() }
        }
    }

    private func start(_ task: ClaimedTask, _ runtime: QueueRuntime) {
        runtime.slots.take()
        guard let handler = handlers.handler(for: task.kind), task.payloadVersion <= handler.payloadVersion else {
            detached { [self] in
                await giveBackUnknown(task)
                runtime.slots.release()
            }
            return
        }
        var logger = logger
        logger[metadataKey: "task.id"] = "\(task.id)"
        logger[metadataKey: "task.kind"] = "\(task.kind)"
        logger[metadataKey: "attempt"] = "\(task.attempt)"
        logger[metadataKey: "tenant.id"] = "\(task.tenant)"
        let context = AttemptContext(task: task, logger: logger)
        let work = Work { try await handler.perform(task, context) }
        attempts.add(task, work)
        detached { [self] in
            await finish(task, work, VerdictPolicy(retry: handler.retry), context.logger)
            runtime.slots.release()
        }
    }

    private func finish(
        _ task: ClaimedTask,
        _ work: Work<AttemptOutcome>,
        _ policy: VerdictPolicy,
        _ logger: Logger
    ) async {
        let ending: Result<AttemptOutcome, any Error>? =
            switch await work.ending() {
            case .finished(let result): result
            case .abandoned: nil
            }
        let reason = attempts.reason(of: task.fence)
        var generator = SystemRandomNumberGenerator()
        if let verdict = policy.verdict(of: ending, stopped: reason, task: task, using: &generator) {
            Self.log(verdict, logger)
            _ = await settler.settle(Settlement(task.fence, verdict))
        } else if reason == .leaseLost {
            logger.warning("the lease was lost; the attempt's result is discarded")
        } else if case .failure(let error as StaleLease) = ending {
            logger.warning("a stale result was discarded", metadata: ["reason": "\(error)"])
        }
        // Only now: until the verdict is written the lease must be renewed for this task.
        attempts.remove(task.fence)
    }

    /// A newer release enqueued it: some other worker can do it, perhaps soon.
    private func giveBackUnknown(_ task: ClaimedTask) async {
        logger.error(
            "a task of an unknown kind or newer payload goes back to its queue; is a worker of an older release running?",
            metadata: ["task.id": "\(task.id)", "task.kind": "\(task.kind)", "payload.version": "\(task.payloadVersion)"]
        )
        _ = await settler.settle(
            Settlement(
                task.fence,
                .released(after: .seconds(30), reason: "this worker does not know kind '\(task.kind)' in this version")
            )
        )
    }

    private static func log(_ verdict: Settlement.Verdict, _ logger: Logger) {
        switch verdict {
        case .completed: logger.debug("completed")
        case .retry(let delay, let failure):
            logger.warning("failed, will retry", metadata: ["in": "\(delay.inSeconds)", "error": "\(failure)"])
        case .dead(let failure): logger.error("dead", metadata: ["error": "\(failure)"])
        case .snoozed(let delay, let reason):
            logger.info("snoozed", metadata: ["for": "\(delay.inSeconds)", "reason": "\(reason)"])
        case .released(_, let reason): logger.notice("released", metadata: ["reason": "\(reason)"])
        case .cancelled(let reason): logger.notice("cancelled", metadata: ["reason": "\(reason)"])
        }
    }
}
