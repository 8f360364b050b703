internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// What the leader does to tasks. Clock: the server's `now()`.
enum DutyStatements {
    /// Due scheduled and retryable tasks become available.
    ///
    /// - Index: `tasks_due_idx`, oldest first; locked rows are skipped.
    static func promote(_ limit: Int) -> Statement<(QueueName, Promotion)> {
        Statement(
            """
            WITH due AS MATERIALIZED (
                SELECT id FROM tasks WHERE state IN ('scheduled', 'retryable') AND run_at <= now()
                ORDER BY run_at LIMIT $1 FOR UPDATE SKIP LOCKED
            ), promoted AS (
                UPDATE tasks SET state = 'available' FROM due WHERE tasks.id = due.id RETURNING tasks.queue, tasks.run_at
            )
            SELECT queue, count(*), min(run_at) FROM promoted GROUP BY queue
            """,
            [.int8(Int64(limit))]
        ) { row throws(PostgresError) in
            (
                QueueName(trusted: try row.text(0)),
                Promotion(count: Int(try row.int64(1)), earliest: try row.timestamp(2))
            )
        }
    }

    /// Takes running tasks from workers that are gone and from attempts beyond their deadline, while `term` leads.
    ///
    /// A lost lease counts a crash, and the task runs again at once; from the second one on as a suspect, isolated. What is
    /// fair to it is `CrashJudgement`'s to say; this is its form in SQL. Attempts used up, it dies.
    /// The deadline has a grace of 15 s in which the worker itself ends the attempt.
    /// - Index: `tasks_running_idx`; locked rows are being settled, so they are skipped.
    /// - Parameter isWhole: all running tasks are looked at; otherwise those of workers that went within the last minute.
    static func rescue(limit: Int, term: Int64, isWhole: Bool) -> Statement<RescuedTask> {
        let whose =
            isWhole
            ? ""
            : """
            AND tasks.lease_owner = ANY (ARRAY(
                        SELECT id FROM workers
                        WHERE lease_expires_at <= now() AND lease_expires_at > now() - interval '1 minute'
                    ))
            """
        return rescue(limit: limit, term: term, whose: whose)
    }

    private static func rescue(limit: Int, term: Int64, whose: String) -> Statement<RescuedTask> {
        Statement(
            """
            WITH gone_workers AS MATERIALIZED (
                UPDATE workers SET state = 'lost', lost_with = (
                    SELECT count(*) FROM tasks WHERE tasks.lease_owner = workers.id AND tasks.state = 'running'
                )
                WHERE lease_expires_at <= now() AND state NOT IN ('lost', 'stopped')
                    AND EXISTS (SELECT FROM leader WHERE term = $2) RETURNING id, lost_with
            ), taken AS MATERIALIZED (
                SELECT tasks.id, CASE WHEN tasks.deadline_at < now() - interval '15 seconds' AND workers.id IS NOT NULL
                    THEN 'deadline' ELSE 'lost' END AS cause
                FROM tasks LEFT JOIN workers ON workers.id = tasks.lease_owner AND workers.lease_expires_at > now()
                WHERE tasks.state = 'running' AND EXISTS (SELECT FROM leader WHERE term = $2)
                    AND (workers.id IS NULL OR tasks.deadline_at < now() - interval '15 seconds') \(whose)
                ORDER BY tasks.id LIMIT $1 FOR UPDATE OF tasks SKIP LOCKED
            ), company AS (
                -- Unknown: not alone.
                SELECT taken.id, coalesce(gone_workers.lost_with, owner.lost_with, 2) AS count
                FROM taken JOIN tasks USING (id)
                LEFT JOIN workers AS owner ON owner.id = tasks.lease_owner
                LEFT JOIN gone_workers ON gone_workers.id = tasks.lease_owner
            ), facts AS (
                SELECT tasks.*, cause, CASE cause WHEN 'lost' THEN 'lease.lost' ELSE 'deadline.exceeded' END AS class,
                    CASE cause WHEN 'lost' THEN $3 ELSE $4 END AS message,
                    cause = 'lost' AND tasks.suspect AND company.count = 1 AS ran_alone,
                    cause = 'lost' AND tasks.suspect AND company.count = 1 AND tasks.solo_crashes + 1 >= $5 AS guilty,
                    cause = 'lost' AND company.count > 1 AS refund,
                    tasks.suspect OR cause = 'lost' AND tasks.crash_count + 1 >= $9 AS suspected,
                    CASE cause WHEN 'lost' THEN greatest(1, company.count / $10) ELSE tasks.isolation_group END AS together,
                    owner.host AS owner_host, owner.pid AS owner_pid, owner.resident_bytes AS owner_bytes
                FROM tasks JOIN taken USING (id) JOIN company USING (id)
                LEFT JOIN workers AS owner ON owner.id = tasks.lease_owner
            ), judged AS (
                SELECT facts.*, guilty OR attempt >= max_attempts AND NOT refund AS dies FROM facts
            ), kept AS (
                INSERT INTO attempts (
                    task_id, tenant_id, attempt, lease_token, worker, outcome, error_class, error_message, claimed_at
                )
                SELECT id, tenant_id, attempt, lease_token, lease_owner, cause, class, message, claimed_at FROM facts
            ), again AS (
                UPDATE tasks SET state = 'available', lease_token = NULL, lease_owner = NULL, claimed_at = NULL,
                    deadline_at = NULL, crash_count = tasks.crash_count + CASE cause WHEN 'lost' THEN 1 ELSE 0 END,
                    attempt = tasks.attempt - CASE WHEN refund THEN 1 ELSE 0 END,
                    suspect = suspected, isolation_group = together,
                    solo_crashes = tasks.solo_crashes + CASE WHEN ran_alone THEN 1 ELSE 0 END
                FROM judged WHERE tasks.id = judged.id AND NOT dies
            ), gone AS (
                DELETE FROM tasks USING judged WHERE tasks.id = judged.id AND dies
                RETURNING tasks.*, ran_alone AS quarantined,
                    CASE cause WHEN 'lost' THEN 1 ELSE 0 END AS last_crash, CASE WHEN guilty THEN $6 ELSE judged.class END AS class,
                    CASE WHEN guilty THEN format($7, judged.solo_crashes + 1)
                        || coalesce(format($8, owner_host, owner_pid, owner_bytes >> 20), '')
                    ELSE judged.message END AS message,
                    CASE WHEN guilty THEN $6 ELSE judged.class || ': ' || judged.message END AS fingerprint
            ), \(SettleStatements.buried)
            SELECT id, queue, cause, dies FROM judged
            """,
            [
                .int8(Int64(limit)), .int8(term), .text(TaskFailure.leaseLost.message),
                .text("the attempt ran longer than its kind allows and its worker did not end it"),
                .int4(CrashJudgement.crashesToConvict), .text(CrashJudgement.guiltyClass),
                .text("%s worker processes ended while this task ran alone in them"),
                .text(
                    "; the last one, on host '%s' with pid %s, had said before that %s MB of its memory were resident"
                ), .int4(CrashJudgement.crashesToSuspect), .int4(CrashJudgement.parts),
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
}
