internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// What the leader does about schedules. Clock: the server's `now()`.
///
/// Whoever fires a schedule, triggers, backfills or changes it locks its row first: that orders them.
enum ScheduleStatements {
    /// - Index: `schedules_due_idx`, in its order.
    static func due(_ limit: Int) -> Statement<DueSchedule> {
        Statement(
            """
            SELECT id, tenant_id, name, rule, time_zone, next_fire_at, catch_up, catch_up_limit FROM schedules
            WHERE paused_at IS NULL AND next_fire_at <= now() AND (problem_until IS NULL OR problem_until <= now())
            ORDER BY next_fire_at LIMIT $1
            """,
            [.int8(Int64(limit))]
        ) { row throws(PostgresError) in
            DueSchedule(
                id: ScheduleID(rawValue: try row.int64(0)),
                tenant: TenantID(trusted: try row.text(1)),
                name: ScheduleName(trusted: try row.text(2)),
                rule: try row.text(3),
                timeZone: try row.text(4),
                due: UnixTime(microseconds: try row.timestamp(5)),
                catchUp: CatchUpPolicy(rawValue: try row.text(6)) ?? .latest,
                catchUpLimit: try row.int32(7)
            )
        }
    }

    /// The time, and the seconds until the next schedule is due that is not due yet.
    ///
    /// - Index: `schedules_due_idx`, its first entry after now.
    static func clock() -> Statement<(now: UnixTime, next: Double?)> {
        Statement(
            """
            SELECT now(), extract(epoch FROM (
                SELECT min(next_fire_at) FROM schedules WHERE paused_at IS NULL AND next_fire_at > now()
            ) - now())::float8
            """
        ) { row throws(PostgresError) in (UnixTime(microseconds: try row.timestamp(0)), try row.optionalFloat8(1)) }
    }

    /// Locks a schedule that is still due then and not paused.
    static func lock(_ id: ScheduleID, due: UnixTime) -> Statement<ScheduleTemplate> {
        ScheduleTemplate.statement(
            "id = $1 AND next_fire_at = $2 AND paused_at IS NULL",
            [.int8(id.rawValue), .timestamp(due.seconds)]
        )
    }

    /// Locks a schedule of which a fire waits.
    static func lockWaiting(_ id: ScheduleID) -> Statement<ScheduleTemplate> {
        ScheduleTemplate.statement(
            "id = $1 AND waiting_fire_at IS NOT NULL AND paused_at IS NULL",
            [.int8(id.rawValue)]
        )
    }

    /// Locks a schedule, whatever its state.
    static func lock(_ name: ScheduleName, tenant: TenantID) -> Statement<ScheduleTemplate> {
        ScheduleTemplate.statement("tenant_id = $1 AND name = $2", [.text(tenant.rawValue), .text(name.rawValue)])
    }

    /// Whether a task of the schedule is live. Fires whose task has settled are not looked at again.
    ///
    /// - Index: `schedule_fires_unsettled_idx`, then the primary key of `tasks`.
    static func hasLiveTask(_ id: ScheduleID) -> Statement<Bool> {
        Statement(
            """
            WITH known AS MATERIALIZED (
                SELECT fire.id, tasks.id IS NOT NULL AS is_live
                FROM schedule_fires AS fire LEFT JOIN tasks ON tasks.id = fire.task_id
                WHERE fire.schedule_id = $1 AND fire.unsettled
            ), settled AS (
                UPDATE schedule_fires SET unsettled = false FROM known
                WHERE schedule_fires.id = known.id AND NOT known.is_live
            )
            SELECT coalesce(bool_or(is_live), false) FROM known
            """,
            [.int8(id.rawValue)]
        ) { row throws(PostgresError) in try row.bool(0) }
    }

    /// Which of these fires have happened, or wait.
    ///
    /// - Index: `schedule_fires_once_idx`.
    static func known(_ id: ScheduleID, _ fires: [UnixTime]) -> Statement<UnixTime> {
        Statement(
            """
            SELECT fire.fire_time FROM unnest($2::int8[]) AS given (seconds) JOIN schedule_fires AS fire
                ON fire.schedule_id = $1 AND fire.fire_time = to_timestamp(given.seconds)
                AND fire.how IN ('cron', 'backfill')
            """,
            [.int8(id.rawValue), .int8Array(fires.map(\.seconds))]
        ) { row throws(PostgresError) in UnixTime(microseconds: try row.timestamp(0)) }
    }

    /// What became of fires. Fails when one that must happen once is there.
    static func record(_ entries: [FireEntry], of template: ScheduleTemplate) -> Statement<Void> {
        Statement(
            """
            INSERT INTO schedule_fires (schedule_id, tenant_id, fire_time, task_id, how, reason, unsettled)
            SELECT $1, $2, to_timestamp(seconds), task, how, reason, task IS NOT NULL AND $3
            FROM unnest($4::int8[], $5::int8[], $6::text[], $7::text[]) WITH ORDINALITY
                AS given (seconds, task, how, reason, position) ORDER BY position
            """,
            [
                .int8(template.id.rawValue), .text(template.tenant.rawValue), .bool(template.overlap != .allow),
                .int8Array(entries.map(\.at.seconds)), .optionalInt8Array(entries.map { $0.task?.rawValue }),
                .textArray(entries.map(\.how.rawValue)), .optionalTextArray(entries.map(\.reason)),
            ]
        )
    }

    /// When the schedule is due next, and what waits. It has fired, so that nothing is the matter with it.
    static func advance(_ id: ScheduleID, next: UnixTime?, waiting: UnixTime?, last: UnixTime?) -> Statement<Void> {
        Statement(
            """
            UPDATE schedules SET next_fire_at = $2, waiting_fire_at = $3, last_fire_at = greatest(last_fire_at, $4),
                problem = NULL, problem_until = NULL
            WHERE id = $1
            """,
            [
                .int8(id.rawValue), .timestamp(next?.seconds), .timestamp(waiting?.seconds), .timestamp(last?.seconds),
            ]
        )
    }

    /// Schedules of which a fire waits, and no task is live any more.
    ///
    /// - Index: `schedules_waiting_idx`, `schedule_fires_unsettled_idx`.
    static func releasable(_ limit: Int) -> Statement<ScheduleID> {
        Statement(
            """
            SELECT id FROM schedules WHERE waiting_fire_at IS NOT NULL AND paused_at IS NULL AND NOT EXISTS (
                SELECT FROM schedule_fires AS fire JOIN tasks ON tasks.id = fire.task_id
                WHERE fire.schedule_id = schedules.id AND fire.unsettled
            ) ORDER BY id LIMIT $1
            """,
            [.int8(Int64(limit))]
        ) { row throws(PostgresError) in ScheduleID(rawValue: try row.int64(0)) }
    }

    /// The fire that waited runs.
    static func release(_ id: ScheduleID, _ fire: UnixTime, task: TaskID) -> Statement<Void> {
        Statement(
            """
            WITH fired AS (
                UPDATE schedule_fires SET task_id = $3, reason = NULL, unsettled = true, fired_at = now()
                WHERE schedule_id = $1 AND fire_time = $2 AND how IN ('cron', 'backfill') AND task_id IS NULL
            )
            UPDATE schedules SET waiting_fire_at = NULL, last_fire_at = greatest(last_fire_at, $2) WHERE id = $1
            """,
            [.int8(id.rawValue), .timestamp(fire.seconds), .int8(task.rawValue)]
        )
    }

    static func setAside(_ id: ScheduleID, problem: String, for pause: Duration) -> Statement<Void> {
        Statement(
            "UPDATE schedules SET problem = $2, problem_until = now() + make_interval(secs => $3) WHERE id = $1",
            [.int8(id.rawValue), .text(String(problem.unicodeScalars.prefix(500))), .float8(pause.inSeconds)]
        )
    }

    /// - Index: `schedule_fires_age_idx`.
    static func forget(olderThan age: Duration, limit: Int) -> Statement<Void> {
        Statement(
            """
            DELETE FROM schedule_fires WHERE id IN (
                SELECT id FROM schedule_fires WHERE fired_at < now() - make_interval(secs => $1)
                ORDER BY fired_at LIMIT $2
            )
            """,
            [.float8(age.inSeconds), .int8(Int64(limit))]
        )
    }
}
