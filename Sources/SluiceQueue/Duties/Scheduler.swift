package import Logging
internal import SluiceCore
internal import Synchronization

/// Fires schedules that are due. Counts in the store's time only: what the leader's own clock shows does not matter.
package final class Scheduler: Sendable {
    private let store: any ScheduleStore
    private let enqueuer: Enqueuer
    private let zones: TimeZones
    private let logger: Logger
    private let total = Atomic<Int>(0)
    private static let limit = 100
    /// How long to leave a schedule alone that cannot be fired, as where its time zone is unknown here.
    private static let retryPause = Duration.seconds(60)

    /// - Parameter enqueuer: hints at tasks once they have committed.
    package init(store: any ScheduleStore, enqueuer: Enqueuer, zones: TimeZones, logger: Logger) {
        self.store = store
        self.enqueuer = enqueuer
        self.zones = zones
        self.logger = logger
    }

    /// Tasks that fires enqueued, since the start.
    package var fired: Int { total.load(ordering: .relaxed) }

    /// Fires what is due. Returns how long nothing is due then, nil when nothing is foreseen; zero when something fired, since
    /// only the next round sees when that is due again.
    ///
    /// One schedule's failure does not keep the others from firing; a transient one is thrown when all have had their turn.
    package func round() async throws -> Duration? {
        let due = try await store.due(limit: Self.limit)
        var failure: (any Error)?
        for schedule in due.schedules {
            do {
                try await fire(schedule, at: due.now)
            } catch  where error.isTransientFailure || error is CancellationError {
                failure = error
            } catch {
                try await setAside(schedule, error)
            }
        }
        for report in try await store.releaseWaiting(limit: Self.limit) { await announce(report, nil) }
        if let failure { throw failure }
        return due.schedules.isEmpty ? due.next : .zero
    }

    private func fire(_ schedule: DueSchedule, at now: UnixTime) async throws {
        let times = FireTimes(try FireRule(schedule.rule), in: try zones.rules(named: schedule.timeZone))
        let plan = FirePlan(
            times,
            due: schedule.due,
            now: now,
            catchUp: schedule.catchUp,
            limit: schedule.catchUpLimit
        )
        guard let report = try await store.fire(schedule.id, due: schedule.due, plan: plan) else { return }
        await announce(report, schedule)
        if let missed = plan.missed { logger.warning("fires missed", metadata: about(schedule, "\(missed.reason)")) }
        if report.skipped > 0 { logger.notice("fires skipped", metadata: about(schedule, "\(report.skipped)")) }
    }

    private func announce(_ report: FireReport, _ schedule: DueSchedule?) async {
        await enqueuer.announce(report.tasks)
        total.add(report.tasks.count, ordering: .relaxed)
        for task in report.tasks {
            logger.info(
                schedule == nil ? "a waiting fire runs" : "fired",
                metadata: [
                    "schedule.id": "\(report.schedule)", "task.id": "\(task.id)", "queue": "\(task.queue)",
                ]
            )
        }
    }

    private func setAside(_ schedule: DueSchedule, _ error: any Error) async throws {
        logger.error("a schedule cannot fire", metadata: about(schedule, "\(error)"))
        // Only errors of ours are made to be shown.
        let isOurs = error is ScheduleSyntaxError || error is TaskFailure || error is any TransientFailure
        try await store.setAside(
            schedule.id,
            problem: isOurs ? "\(error)" : "\(type(of: error))",
            for: Self.retryPause
        )
    }

    private func about(_ schedule: DueSchedule, _ detail: String) -> Logger.Metadata {
        ["schedule.id": "\(schedule.id)", "detail": "\(detail)"]
    }
}
