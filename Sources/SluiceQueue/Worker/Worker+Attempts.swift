internal import Logging
internal import SluiceCore
internal import SluiceSystem

extension Worker {
    static let drainReason = "the worker stopped before the attempt ended"

    /// Starts what is ready while slots are free.
    func pump(_ lane: Lane) {
        while let task = lane.take() { start(task, lane) }
    }

    private func start(_ task: ClaimedTask, _ lane: Lane) {
        let known = handlers.handler(for: task.kind)
        guard let handler = known, DeclinePolicy.reason(task, knownVersion: handler.payloadVersion) == nil else {
            lane.ended(after: nil)
            return decline(task, knownVersion: known?.payloadVersion)
        }
        let attempt = Attempt(
            context: AttemptContext(task: task, logger: logger, report: reporter),
            handler: handler,
            lane: lane
        )
        let deadline = attempt.startedAt + task.timeout
        let isStarted = holds.start(attempt, deadline: deadline, stallLimit: handler.stallLimit) { [self] in
            let ending: Result<AttemptOutcome, any Error>
            do {
                if let fault = task.payloadFault { throw fault }
                ending = .success(try await handler.perform(task, attempt.context))
            } catch {
                ending = .failure(error)
            }
            conclude(attempt, ending)
        }
        // Lost while it waited.
        if !isStarted { lane.ended(after: nil) }
    }

    /// - Parameter ending: nil when the attempt is given up while its handler hangs.
    private func conclude(_ attempt: Attempt, _ ending: Result<AttemptOutcome, any Error>?) {
        let finish = holds.finish(attempt.task.fence)
        attempt.leaveLane(after: ending == nil ? nil : attempt.startedAt.elapsed)
        defer { pump(attempt.lane) }
        guard case .settle(let me, let reason) = finish else {
            if ending != nil { attempt.context.logger.warning("the lease was lost; the attempt's result is discarded") }
            return
        }
        var generator = SystemRandomNumberGenerator()
        let verdict = VerdictPolicy(retry: attempt.handler.retry, rules: attempt.handler.rules)
            .verdict(of: ending, stopped: reason, task: attempt.task, using: &generator)
        guard let verdict else {
            if case .failure(let error as StaleLease) = ending {
                attempt.context.logger.warning("a stale result was discarded", metadata: ["reason": "\(error)"])
                counters.add { $0.stale += 1 }
            } else {
                // The handler settled it in the transaction of its effects.
                counters.add { $0.completed += 1 }
            }
            return holds.remove([attempt.task.fence])
        }
        Self.log(verdict, attempt)
        settler.append(Settlement(attempt.task.fence, verdict), by: me)
    }

    /// Leaves a task to workers that can perform it.
    private func decline(_ task: ClaimedTask, knownVersion: Int?) {
        guard let reason = DeclinePolicy.reason(task, knownVersion: knownVersion),
            case .settle(let me, _) = holds.finish(task.fence)
        else { return }
        logger.error(
            "a task goes back to its queue, for another worker",
            metadata: ["task.id": "\(task.id)", "task.kind": "\(task.kind)", "reason": "\(reason)"]
        )
        settler.append(Settlement(task.fence, .declined(reason)), by: me)
    }

    /// Gives back claims that were not begun; the attempt is not counted.
    func giveBack(_ tasks: [ClaimedTask], after delay: Duration = .zero, reason: String) {
        for task in tasks {
            guard case .settle(let me, _) = holds.finish(task.fence) else { continue }
            settler.append(Settlement(task.fence, .released(after: delay, reason: reason)), by: me)
        }
    }

    /// Claims that the store says are no longer this worker's.
    func lose(_ fences: Set<Fence>) {
        let stopped = holds.lose(fences)
        for attempt in stopped {
            attempt.context.logger.warning("the lease was lost; the attempt is stopped")
            attempt.cancel()
        }
        if !stopped.isEmpty { counters.add { $0.stale += stopped.count } }
    }

    func enforceDeadlines(at now: Instant) {
        let (due, hung) = holds.enforceDeadlines(at: now, grace: configuration.cancelGrace)
        for attempt in due { attempt.cancel() }
        for attempt in hung {
            attempt.context.logger.error("a handler does not end although it was told to; its slot goes on without it")
            counters.add { $0.hung += 1 }
            conclude(attempt, nil)
        }
        for lane in lanes {
            let stuck = lane.drainStuck(at: now, limit: max(.milliseconds(500), configuration.lookahead * 4))
            giveBack(stuck, reason: "claimed ahead, but the slots stayed busy")
        }
    }

    // MARK: - Drain

    func drain(_ shutdown: Shutdown) async {
        for lane in lanes { giveBack(lane.drain(), reason: Self.drainReason) }
        logger.notice("draining", metadata: ["running": "\(holds.runningCount)"])
        // A second signal must end the wait too; nobody waits for this bell-ringer.
        let ringer = detached { [holds] in
            await shutdown.wait(for: .stopping)
            holds.quiet.ring()
        }
        let deadline = ContinuousClock.now + configuration.drainTimeout
        while !holds.isQuiet, .now < deadline, shutdown.phase < .stopping {
            _ = await holds.quiet.wait(until: deadline, on: loops)
        }
        ringer.cancel()
        let stopped = holds.stopAll(.drain)
        if !stopped.isEmpty {
            logger.notice("attempts are stopped and released", metadata: ["count": "\(stopped.count)"])
        }
        for attempt in stopped { attempt.cancel() }
        // The keeper gives up what does not end within its grace, and what cannot be written while the lease lasts.
        let last = ContinuousClock.now + configuration.cancelGrace + configuration.leaseLength
        while !holds.isQuiet, .now < last { _ = await holds.quiet.wait(until: last, on: loops) }
        settler.finish()
    }

    /// Classes of errors, not their sentences, and no reason that a handler or an operator gave: those are kept with the attempt,
    /// where an erasure finds them.
    private static func log(_ verdict: Settlement.Verdict, _ attempt: Attempt) {
        if case .completed = verdict { return attempt.context.logger.debug("completed") }
        let logger = attempt.context.logger
        switch verdict {
        case .completed: break
        case .retry(let delay, let failure):
            logger.warning(
                "failed, will retry",
                metadata: ["in": "\(delay.inSeconds)", "error": "\(failure.errorClass)"]
            )
        case .dead(let failure): logger.error("dead", metadata: ["error": "\(failure.errorClass)"])
        case .quarantined(let failure): logger.error("quarantined", metadata: ["error": "\(failure.errorClass)"])
        case .discarded(let failure): logger.notice("discarded", metadata: ["error": "\(failure.errorClass)"])
        case .snoozed(let delay, _): logger.info("snoozed", metadata: ["for": "\(delay.inSeconds)"])
        case .declined(let failure): logger.notice("declined", metadata: ["error": "\(failure.errorClass)"])
        case .released: logger.notice("released")
        case .cancelled: logger.notice("cancelled")
        }
    }
}
