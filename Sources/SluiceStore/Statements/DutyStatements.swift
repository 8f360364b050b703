internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// What the leader does to tasks. Clock: the server's `now()`.
enum DutyStatements {
    /// Due scheduled and retryable tasks become available.
    ///
    /// - Index: `tasks_due_idx`, oldest first; locked rows are skipped.
    static func promote(_ limit: Int) -> Statement<(QueueName, Int)> {
        Statement(
            """
            WITH due AS MATERIALIZED (
                SELECT id FROM tasks WHERE state IN ('scheduled', 'retryable') AND run_at <= now()
                ORDER BY run_at LIMIT $1 FOR UPDATE SKIP LOCKED
            ), promoted AS (
                UPDATE tasks SET state = 'available' FROM due WHERE tasks.id = due.id RETURNING tasks.queue
            )
            SELECT queue, count(*) FROM promoted GROUP BY queue
            """,
            [.int8(Int64(limit))]
        ) { row throws(PostgresError) in (QueueName(trusted: try row.text(0)), Int(try row.int64(1))) }
    }

    /// Takes running tasks from workers that are gone and from attempts beyond their deadline, while `term` leads.
    ///
    /// A lost lease counts the attempt and a crash, and the task runs again at once; attempts used up, it dies.
    /// The deadline has a grace of 15 s in which the worker itself ends the attempt.
    /// - Index: `tasks_running_idx` (a scan of the running tasks only); locked rows are being settled, so they are skipped.
    static func rescue(limit: Int, term: Int64) -> Statement<RescuedTask> {
        Statement(
            """
            WITH gone_workers AS MATERIALIZED (
                UPDATE workers SET state = 'lost'
                WHERE lease_expires_at <= now() AND state NOT IN ('lost', 'stopped')
                    AND EXISTS (SELECT FROM leader WHERE term = $2) RETURNING id
            ), taken AS MATERIALIZED (
                SELECT tasks.id, CASE WHEN tasks.deadline_at < now() - interval '15 seconds' AND workers.id IS NOT NULL
                    THEN 'deadline' ELSE 'lost' END AS cause
                FROM tasks LEFT JOIN workers ON workers.id = tasks.lease_owner AND workers.lease_expires_at > now()
                WHERE tasks.state = 'running' AND EXISTS (SELECT FROM leader WHERE term = $2)
                    AND (workers.id IS NULL OR tasks.deadline_at < now() - interval '15 seconds')
                ORDER BY tasks.id LIMIT $1 FOR UPDATE OF tasks SKIP LOCKED
            ), facts AS (
                SELECT tasks.*, cause, CASE cause WHEN 'lost' THEN 'lease.lost' ELSE 'deadline.exceeded' END AS class,
                    CASE cause WHEN 'lost' THEN $3 ELSE $4 END AS message
                FROM tasks JOIN taken USING (id)
            ), kept AS (
                INSERT INTO attempts (
                    task_id, tenant_id, attempt, lease_token, worker, outcome, error_class, error_message, claimed_at
                )
                SELECT id, tenant_id, attempt, lease_token, lease_owner, cause, class, message, claimed_at FROM facts
            ), again AS (
                UPDATE tasks SET state = 'available', lease_token = NULL, lease_owner = NULL, claimed_at = NULL,
                    deadline_at = NULL, crash_count = tasks.crash_count + CASE cause WHEN 'lost' THEN 1 ELSE 0 END
                FROM taken WHERE tasks.id = taken.id AND tasks.attempt < tasks.max_attempts
            ), gone AS (
                DELETE FROM tasks USING facts WHERE tasks.id = facts.id AND tasks.attempt >= tasks.max_attempts
                RETURNING tasks.*, facts.class, facts.message, facts.class || ': ' || facts.message AS fingerprint
            ), \(SettleStatements.buried)
            SELECT id, queue, cause, attempt >= max_attempts FROM facts
            """,
            [
                .int8(Int64(limit)), .int8(term), .text(TaskFailure.leaseLost.message),
                .text("the attempt ran longer than its kind allows and its worker did not end it"),
            ]
        ) { row throws(PostgresError) in
            RescuedTask(
                id: TaskID(rawValue: try row.int64(0)),
                queue: QueueName(trusted: try row.text(1)),
                cause: try row.text(2) == "lost" ? .leaseLost : .deadline,
                isDead: try row.bool(3)
            )
        }
    }

    /// Day partitions of the archive ahead of need. Returns how many were made.
    static func addArchiveDays() -> Statement<Int> {
        Statement(
            """
            SELECT count(*) FILTER (WHERE sluice_add_archive_day((now() AT TIME ZONE 'UTC')::date + ahead))
            FROM generate_series(0, 7) AS ahead
            """
        ) { row throws(PostgresError) in Int(try row.int64(0)) }
    }

    /// Names of day partitions that end before the retention.
    static func expiredArchiveDays(_ retention: Duration) -> Statement<String> {
        Statement(
            """
            SELECT child.relname::text FROM pg_inherits
            JOIN pg_class AS child ON child.oid = inhrelid
            WHERE inhparent = to_regclass('tasks_archive') AND child.relname ~ '^tasks_archive_[0-9]{8}$'
                AND to_date(right(child.relname, 8), 'YYYYMMDD') + 1
                    <= (now() AT TIME ZONE 'UTC' - make_interval(secs => $1))::date
            """,
            [.float8(retention.inSeconds)]
        ) { row throws(PostgresError) in try row.text(0) }
    }
}
