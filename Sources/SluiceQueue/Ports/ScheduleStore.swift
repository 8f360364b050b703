package import SluiceCore

/// The truth about schedules, as the leader needs it. Implemented on PostgreSQL by SluiceStore.
///
/// All times are the store's own. Every call may throw a `TransientFailure`. A fire happens once, whoever asks for it and how
/// often: two leaders do no harm.
package protocol ScheduleStore: Sendable {
    /// Schedules that are due, at most `limit`, longest due first, and how long until the next one.
    func due(limit: Int) async throws -> DueSchedules
    /// Carries a plan out, in one transaction: fires, their tasks, and when the schedule is due next.
    ///
    /// Nil when somebody else dealt with that fire, or the schedule was paused or removed.
    ///
    /// - Parameter due: when the schedule was due, as `due` said.
    func fire(_ schedule: ScheduleID, due: UnixTime, plan: FirePlan) async throws -> FireReport?
    /// Enqueues fires that waited for earlier tasks which have settled, of at most `limit` schedules.
    func releaseWaiting(limit: Int) async throws -> [FireReport]
    /// Notes why a schedule cannot fire, for operators, and leaves it alone for a while. It stays due.
    func setAside(_ schedule: ScheduleID, problem: String, for pause: Duration) async throws
    /// Forgets fires longer ago than `age`. Returns how many.
    func forgetFires(olderThan age: Duration) async throws -> Int
}

package struct DueSchedules: Sendable {
    package let schedules: [DueSchedule]
    /// The store's time, at which these were due.
    package let now: UnixTime
    /// Until the next schedule is due that is not among these; nil when there is none.
    package let next: Duration?

    package init(schedules: [DueSchedule], now: UnixTime, next: Duration?) {
        self.schedules = schedules
        self.now = now
        self.next = next
    }
}

package struct DueSchedule: Sendable {
    package let id: ScheduleID
    package let tenant: TenantID
    package let name: ScheduleName
    package let rule: String
    package let timeZone: String
    /// The first fire that has not been dealt with.
    package let due: UnixTime
    package let catchUp: CatchUpPolicy
    package let catchUpLimit: Int

    package init(
        id: ScheduleID,
        tenant: TenantID,
        name: ScheduleName,
        rule: String,
        timeZone: String,
        due: UnixTime,
        catchUp: CatchUpPolicy,
        catchUpLimit: Int
    ) {
        self.id = id
        self.tenant = tenant
        self.name = name
        self.rule = rule
        self.timeZone = timeZone
        self.due = due
        self.catchUp = catchUp
        self.catchUpLimit = catchUpLimit
    }
}

/// What became of a schedule's fires.
package struct FireReport: Sendable {
    package let schedule: ScheduleID
    /// Of the fires that run.
    package let tasks: [EnqueuedTask]
    /// Fires that were skipped because of an overlap.
    package let skipped: Int
    /// True when a fire waits for an earlier task.
    package let isWaiting: Bool

    package init(schedule: ScheduleID, tasks: [EnqueuedTask], skipped: Int, isWaiting: Bool) {
        self.schedule = schedule
        self.tasks = tasks
        self.skipped = skipped
        self.isWaiting = isWaiting
    }
}
