internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

enum ClaimStatements {
    /// Claims those of `ids` that are available, in one compare-and-set.
    ///
    /// - Index: the primary key, one id after the other, whatever the planner believes of the table: each id is looked up
    ///   on its own, and `IS NOT DISTINCT FROM` keeps it away from the index of available tasks. On a table that has never
    ///   been analysed it would read all of that for each claim.
    /// - Rows locked by others are skipped: another claim has them, or will let them go and the relay hints again.
    /// - The first CTE holds the worker's row so that a lease that has run out claims nothing, and the second is a fence:
    ///   without it the planner may update more rows than were locked.
    /// - Clock: the server's `now()`.
    /// - Parameter isCleared: true when the caller has weighed the queue's controls under their locks; otherwise nothing is
    ///   claimed while a control may hold something back.
    static func claim(
        _ ids: [TaskID],
        queue: QueueName,
        worker: WorkerID,
        isCleared: Bool = false
    ) -> Statement<ClaimedTask> {
        Statement(
            """
            WITH me AS MATERIALIZED (
                SELECT id FROM workers WHERE id = $3 AND lease_expires_at > now() AND state <> 'lost' FOR SHARE
            ), picked AS MATERIALIZED (
                SELECT found.id FROM unnest($1::int8[]) AS given (id) CROSS JOIN LATERAL (
                    SELECT tasks.id FROM tasks
                    WHERE tasks.id = given.id AND tasks.queue IS NOT DISTINCT FROM $2
                        AND tasks.state IS NOT DISTINCT FROM 'available' AND NOT tasks.suspect
                    FOR UPDATE SKIP LOCKED
                ) AS found
                WHERE EXISTS (SELECT FROM me)\(isCleared ? "" : " AND " + ControlStatements.nothingHolds("$2"))
            )
            UPDATE tasks SET \(assignment("$3"))
            FROM picked WHERE tasks.id = picked.id
            RETURNING \(columns)
            """,
            [.int8Array(ids.map(\.rawValue)), .text(queue.rawValue), .uuid(worker)],
            decode: decode
        )
    }

    /// Streams that one claim without hints looks at.
    static let blindStreams = 64

    /// Claims up to `limit` available tasks of a queue without hints, by turns among tenants as their weights are, within a
    /// tenant by priority with age. Nothing while the queue has controls.
    ///
    /// - Index: `tasks_streams_idx`, a few pages for each stream and each task looked at; locked rows are skipped, so that
    ///   workers neither wait for each other nor get the same task. More tasks are looked at than wanted, so that workers
    ///   at the same place at the same time all find some.
    /// - Parameter after: tenants that sort behind this one only; empty: all.
    static func claimNext(
        queue: QueueName,
        limit: Int,
        worker: WorkerID,
        after: String,
        aging: AgingOrder
    ) -> Statement<ClaimedTask> {
        Statement(
            """
            WITH RECURSIVE me AS MATERIALIZED (
                SELECT id FROM workers WHERE id = $3 AND lease_expires_at > now() AND state <> 'lost' FOR SHARE
            ), \(DispatchStatements.skipScan(queue: "$1", after: "$4")), page AS MATERIALIZED (
                SELECT * FROM streams LIMIT \(blindStreams)
            ), heads AS MATERIALIZED (
                SELECT head.id, row_number() OVER (
                    PARTITION BY page.tenant_id
                    ORDER BY head.run_at + page.priority * make_interval(secs => $5), head.id
                )::float8 / coalesce(tenants.weight, 1) AS turn
                FROM page CROSS JOIN LATERAL (
                    SELECT id, run_at FROM tasks
                    WHERE queue = $1 AND state = 'available' AND tasks.tenant_id = page.tenant_id
                        AND tasks.kind = page.kind AND tasks.priority = page.priority AND NOT tasks.suspect
                    ORDER BY run_at, id
                    LIMIT 4 * $2 / (SELECT greatest(1, count(DISTINCT tenant_id)) FROM page) + 64
                ) AS head
                LEFT JOIN tenants ON tenants.id = page.tenant_id
            ), picked AS MATERIALIZED (
                SELECT found.id FROM (SELECT id FROM heads ORDER BY turn, id) AS given CROSS JOIN LATERAL (
                    SELECT tasks.id FROM tasks
                    WHERE tasks.id = given.id AND tasks.queue IS NOT DISTINCT FROM $1
                        AND tasks.state IS NOT DISTINCT FROM 'available' AND NOT tasks.suspect
                    FOR UPDATE SKIP LOCKED
                ) AS found
                WHERE EXISTS (SELECT FROM me) AND \(ControlStatements.nothingLimits("$1"))
                LIMIT $2
            )
            UPDATE tasks SET \(assignment("$3"))
            FROM picked WHERE tasks.id = picked.id
            RETURNING \(columns)
            """,
            [
                .text(queue.rawValue), .int8(Int64(limit)), .uuid(worker), .text(after),
                .float8(aging.step.inSeconds),
            ],
            decode: decode
        )
    }

    /// Claims one suspect of a crash for a worker that holds nothing: it is to run alone. The caller has weighed the queue's
    /// controls under their locks.
    ///
    /// - Index: the primary key, and `tasks_running_idx` for what the worker holds.
    static func claimSuspect(_ id: TaskID, queue: QueueName, worker: WorkerID) -> Statement<ClaimedTask> {
        Statement(
            """
            WITH me AS MATERIALIZED (
                SELECT id FROM workers WHERE id = $3 AND lease_expires_at > now() AND state <> 'lost' FOR SHARE
            ), picked AS MATERIALIZED (
                SELECT tasks.id FROM tasks
                WHERE tasks.id = $1 AND tasks.queue IS NOT DISTINCT FROM $2 AND tasks.suspect
                    AND tasks.state IS NOT DISTINCT FROM 'available' AND EXISTS (SELECT FROM me)
                    AND NOT EXISTS (SELECT FROM tasks AS held WHERE held.lease_owner = $3 AND held.state = 'running')
                FOR UPDATE OF tasks SKIP LOCKED
            )
            UPDATE tasks SET \(assignment("$3"))
            FROM picked WHERE tasks.id = picked.id
            RETURNING \(columns)
            """,
            [.int8(id.rawValue), .text(queue.rawValue), .uuid(worker)],
            decode: decode
        )
    }

    private static func assignment(_ worker: String) -> String {
        """
        state = 'running', attempt = attempt + 1, lease_token = nextval('lease_tokens'), lease_owner = \(worker),
            claimed_at = now(), deadline_at = now() + make_interval(secs => timeout_seconds)
        """
    }

    private static let columns = """
        tasks.id, tasks.lease_token, tasks.tenant_id, tasks.queue, tasks.kind, tasks.payload::text,
            tasks.payload_version, tasks.attempt, tasks.max_attempts, tasks.crash_count, tasks.timeout_seconds,
            tasks.batch_id
        """

    private static let decode: @Sendable (PGRow) throws(PostgresError) -> ClaimedTask = { row throws(PostgresError) in
        ClaimedTask(
            id: TaskID(rawValue: try row.int64(0)),
            token: LeaseToken(rawValue: try row.int64(1)),
            tenant: TenantID(trusted: try row.text(2)),
            queue: QueueName(trusted: try row.text(3)),
            kind: TaskKind(trusted: try row.text(4)),
            payload: try row.text(5),
            payloadVersion: try row.int16(6),
            attempt: try row.int16(7),
            maxAttempts: try row.int16(8),
            crashCount: try row.int16(9),
            timeout: .seconds(try row.int32(10)),
            batch: try row.optionalInt64(11).map { BatchID(rawValue: $0) }
        )
    }
}
