internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// The exchange of a worker with its operators. Clock: the server's `now()`.
enum OrderStatements {
    /// What handlers said, each behind its fence. A task that is being settled is left out: nobody needs its progress.
    ///
    /// - Index: the primary key. Touches no indexed column, so that rows are updated in place.
    static func tell(_ reports: [ProgressReport]) -> Statement<Void> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[])
                    AS given (id, token, done, total, message)
            ), held AS MATERIALIZED (
                SELECT found.id, given.token, given.done, given.total, given.message
                FROM given CROSS JOIN LATERAL (
                    SELECT tasks.id FROM tasks
                    WHERE tasks.id = given.id AND tasks.state = 'running' AND tasks.lease_token = given.token
                    FOR UPDATE SKIP LOCKED
                ) AS found
            )
            UPDATE tasks SET progress_token = held.token, progress_done = held.done, progress_total = held.total,
                progress_message = held.message, progress_at = now()
            FROM held WHERE tasks.id = held.id
            """,
            [
                .int8Array(reports.map(\.fence.task.rawValue)), .int8Array(reports.map(\.fence.token.rawValue)),
                .int8Array(reports.map { Int64($0.done) }),
                .optionalInt8Array(reports.map { $0.total.map(Int64.init) }),
                .optionalTextArray(reports.map(\.message)),
            ]
        )
    }

    struct Order: Sendable {
        let fence: Fence?
        /// The request to the worker, or why the task is to be cancelled; nil: suspects wait.
        let text: String?
    }

    /// What is asked of a worker: of itself, of its attempts, and whether it is its turn to run suspects.
    ///
    /// It is the turn of as many workers of a queue as there are groups of suspects in it, the idlest first, and at most of
    /// half of them: the others go on meanwhile.
    /// - Index: `workers_pkey`, `tasks_cancel_idx`, `tasks_suspects_idx`; all three hold next to nothing.
    static func orders(_ worker: WorkerID, _ queues: [QueueName]) -> Statement<Order> {
        Statement(
            """
            SELECT NULL::int8, NULL::int8, request FROM workers WHERE id = $1 AND request IS NOT NULL
            UNION ALL
            SELECT id, lease_token, cancel_reason FROM tasks
            WHERE lease_owner = $1 AND cancel_reason IS NOT NULL AND state = 'running'
            UNION ALL
            SELECT NULL, NULL, NULL WHERE EXISTS (
                SELECT FROM (
                    SELECT queue, sum(1.0 / isolation_group) AS groups FROM tasks
                    WHERE suspect AND state = 'available' AND queue = ANY ($2::text[])
                        AND \(ControlStatements.isOpen("tasks")) GROUP BY queue
                ) AS waiting
                JOIN LATERAL (
                    SELECT count(*) AS live, count(*) FILTER (WHERE (other.running, other.id) < (me.running, me.id)) AS before
                    FROM workers AS me JOIN workers AS other ON waiting.queue = ANY (other.queues)
                        AND other.lease_expires_at > now() AND other.state = 'live'
                    WHERE me.id = $1
                ) AS rank ON rank.before = 0 OR rank.before < groups AND (rank.before + 1) * 2 <= rank.live
            )
            """,
            [.uuid(worker), .textArray(queues.map(\.rawValue))]
        ) { row throws(PostgresError) in
            let task = try row.optionalInt64(0)
            let token = try row.optionalInt64(1)
            let fence =
                if let task, let token {
                    Fence(task: TaskID(rawValue: task), token: LeaseToken(rawValue: token))
                } else { Fence?.none }
            return Order(fence: fence, text: try row.optionalText(2))
        }
    }

    struct Suspect: Sendable {
        let queue: QueueName
        /// How many may run together with it, itself included.
        let group: Int
        let task: Candidate
    }

    /// The oldest suspects that no pause holds back.
    ///
    /// - Index: `tasks_suspects_idx`.
    static func suspects(_ queues: [QueueName], limit: Int) -> Statement<Suspect> {
        Statement(
            """
            SELECT queue, id, tenant_id, kind, priority, run_at, isolation_group FROM tasks
            WHERE suspect AND state = 'available' AND queue = ANY ($1::text[]) AND \(ControlStatements.isOpen("tasks"))
            ORDER BY run_at, id LIMIT $2
            """,
            [.textArray(queues.map(\.rawValue)), .int8(Int64(limit))]
        ) { row throws(PostgresError) in
            Suspect(
                queue: QueueName(trusted: try row.text(0)),
                group: try row.int16(6),
                task: Candidate(
                    id: TaskID(rawValue: try row.int64(1)),
                    tenant: TenantID(trusted: try row.text(2)),
                    kind: TaskKind(trusted: try row.text(3)),
                    priority: try row.int16(4),
                    runAt: try row.timestamp(5)
                )
            )
        }
    }

    /// Tasks that are to be cancelled and whose attempt has ended without settling them: to the archive as cancelled.
    ///
    /// - Index: `tasks_cancel_idx`. Locked rows are being claimed or settled, and are met again.
    static func settleCancelled(limit: Int, term: Int64) -> Statement<TaskID> {
        Statement(
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM tasks WHERE cancel_reason IS NOT NULL AND state <> 'running'
                    AND EXISTS (SELECT FROM leader WHERE term = $2)
                ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
            ), gone AS (
                DELETE FROM tasks USING picked WHERE tasks.id = picked.id
                RETURNING tasks.*, tasks.cancel_reason AS reason
            ), \(SettleStatements.archived(.cancelled))
            SELECT id FROM gone
            """,
            [.int8(Int64(limit)), .int8(term)]
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }
}
