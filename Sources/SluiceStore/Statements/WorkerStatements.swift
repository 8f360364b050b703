internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// Incarnations and their leases. Clock: the server's `now()`.
enum WorkerStatements {
    /// Makes a worker known, and the queues that it serves.
    static func register(_ worker: WorkerRegistration) -> Statement<Void> {
        Statement(
            """
            WITH served AS (
                INSERT INTO queues (name) SELECT unnest($6::text[]) ON CONFLICT DO NOTHING
            )
            INSERT INTO workers (id, role, host, pid, version, queues, concurrency, lease_expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8))
            """,
            [
                .uuid(worker.id), .text(worker.role.rawValue), .text(worker.host), .int4(Int(worker.pid)),
                .text(worker.version), .textArray(worker.queues.map(\.rawValue)), .int4(worker.concurrency),
                .float8(worker.leaseLength.inSeconds),
            ]
        )
    }

    /// Renews a lease that has not expired: an expired one is never extended, the rescuer may be at work on it.
    static func renew(_ worker: WorkerID, _ report: WorkerReport) -> Statement<Void> {
        Statement(
            """
            UPDATE workers SET heartbeat_at = now(), lease_expires_at = now() + make_interval(secs => $2), state = $3,
                running = $4, resident_bytes = $5, degraded = $6, stale_settlements = $7
            WHERE id = $1 AND lease_expires_at > now() AND state <> 'lost'
            """,
            [
                .uuid(worker), .float8(report.leaseLength.inSeconds), .text(report.state.rawValue),
                .int4(report.running), .int8(Int64(report.residentBytes)), .bool(report.isDegraded),
                .int8(Int64(report.staleSettlements)),
            ]
        )
    }

    /// Where a worker's view of its claims and the table's differ: those it no longer holds, and those it does not know of.
    ///
    /// - Index: `tasks_running_idx`, as many rows as the worker runs tasks.
    static func differing(_ fences: [Fence], from worker: WorkerID) -> Statement<(fence: Fence, isLost: Bool)> {
        Statement(
            """
            SELECT coalesce(given.id, held.id), coalesce(given.token, held.lease_token), held.id IS NULL
            FROM unnest($1::int8[], $2::int8[]) AS given (id, token)
            FULL JOIN (
                SELECT id, lease_token FROM tasks WHERE lease_owner = $3 AND state = 'running'
            ) AS held ON held.id = given.id AND held.lease_token = given.token
            WHERE given.id IS NULL OR held.id IS NULL
            """,
            [.int8Array(fences.map(\.task.rawValue)), .int8Array(fences.map(\.token.rawValue)), .uuid(worker)]
        ) { row throws(PostgresError) in
            (
                Fence(task: TaskID(rawValue: try row.int64(0)), token: LeaseToken(rawValue: try row.int64(1))),
                try row.bool(2)
            )
        }
    }

    /// Those of a worker's claims that it no longer holds. Costs what it names, whatever ran before.
    ///
    /// - Index: the primary key; the limit keeps the planner from joining otherwise.
    static func lost(_ fences: [Fence], from worker: WorkerID) -> Statement<(fence: Fence, isLost: Bool)> {
        Statement(
            """
            SELECT given.id, given.token FROM unnest($1::int8[], $2::int8[]) AS given (id, token)
            LEFT JOIN LATERAL (
                SELECT tasks.id FROM tasks WHERE tasks.id = given.id AND tasks.lease_token = given.token
                    AND tasks.lease_owner IS NOT DISTINCT FROM $3 AND tasks.state IS NOT DISTINCT FROM 'running'
                LIMIT 1
            ) AS held ON true
            WHERE held.id IS NULL
            """,
            [.int8Array(fences.map(\.task.rawValue)), .int8Array(fences.map(\.token.rawValue)), .uuid(worker)]
        ) { row throws(PostgresError) in
            (
                Fence(task: TaskID(rawValue: try row.int64(0)), token: LeaseToken(rawValue: try row.int64(1))),
                true
            )
        }
    }

    /// What a stopping worker still holds becomes available, attempts refunded.
    ///
    /// - Index: `tasks_running_idx`.
    static func releaseAll(of worker: WorkerID) -> Statement<Void> {
        Statement(
            """
            WITH held AS MATERIALIZED (
                SELECT id, tenant_id, attempt, lease_token, claimed_at FROM tasks
                WHERE lease_owner = $1 AND state = 'running' ORDER BY id FOR UPDATE
            ), kept AS (
                INSERT INTO attempts (
                    task_id, tenant_id, attempt, lease_token, worker, outcome, error_class, error_message, claimed_at
                )
                SELECT id, tenant_id, attempt, lease_token, $1, 'released', 'released', 'the worker stopped', claimed_at
                FROM held
            )
            UPDATE tasks SET state = 'available', attempt = tasks.attempt - 1, lease_token = NULL, lease_owner = NULL,
                claimed_at = NULL, deadline_at = NULL
            FROM held WHERE tasks.id = held.id
            """,
            [.uuid(worker)]
        )
    }

    static func stop(_ worker: WorkerID) -> Statement<Void> {
        Statement(
            "UPDATE workers SET state = 'stopped', running = 0, lease_expires_at = now(), heartbeat_at = now() WHERE id = $1",
            [.uuid(worker)]
        )
    }

    /// Takes the leadership when it is free, expired or the candidate's own. The term advances when the holder changes.
    static func lead(_ candidate: WorkerID, _ length: Duration) -> Statement<Int64> {
        Statement(
            """
            UPDATE leader SET holder = $1, expires_at = now() + make_interval(secs => $2),
                term = term + CASE WHEN holder IS NOT DISTINCT FROM $1 AND expires_at > now() THEN 0 ELSE 1 END,
                acquired_at = CASE WHEN holder IS NOT DISTINCT FROM $1 AND expires_at > now() THEN acquired_at ELSE now() END
            WHERE name = 'coordinator' AND (holder IS NULL OR holder = $1 OR expires_at <= now())
            RETURNING term
            """,
            [.uuid(candidate), .float8(length.inSeconds)]
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    static func resign(_ holder: WorkerID) -> Statement<Void> {
        Statement("UPDATE leader SET holder = NULL, expires_at = now() WHERE holder = $1", [.uuid(holder)])
    }

    static func reportLeader(_ term: Int64, _ lag: Duration, _ rescued: Int) -> Statement<Void> {
        Statement(
            """
            UPDATE leader SET relayed_at = now(), swept_at = now(), rescued = rescued + $3, relay_lag_seconds = $2
            WHERE name = 'coordinator' AND term = $1
            """,
            [.int8(term), .float8(lag.inSeconds), .int8(Int64(rescued))]
        )
    }

    static func gone(among workers: [WorkerID]) -> Statement<WorkerID> {
        Statement(
            """
            SELECT given.id::uuid FROM unnest($1::text[]) AS given (id)
            WHERE NOT EXISTS (SELECT FROM workers WHERE workers.id = given.id::uuid AND lease_expires_at > now())
            """,
            [.textArray(workers.map(\.description))]
        ) { row throws(PostgresError) in try row.uuid(0) }
    }

    /// Incarnations that ended a day ago and hold nothing.
    static func forget() -> Statement<Void> {
        Statement(
            """
            DELETE FROM workers WHERE heartbeat_at < now() - interval '1 day' AND lease_expires_at < now()
                AND NOT EXISTS (SELECT FROM tasks WHERE tasks.lease_owner = workers.id AND tasks.state = 'running')
            """
        )
    }
}
