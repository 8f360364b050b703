internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// Verdicts on claimed tasks. Every statement is guarded by `state = 'running' AND lease_token = given`, locks rows in the
/// order of their ids (so that two settlers cannot deadlock on tasks) and returns the ids that passed; the others were
/// stale. Index: the primary key. Clock: the server's `now()`.
enum SettleStatements {
    /// Follows `FROM given (id, token, …)`, sorted by id: the tasks that pass the fence, each looked up on its own by the
    /// primary key. A join is open to other plans, and the planner, which knows little of a table that fills and empties
    /// within seconds, has chosen to read all running tasks, or the whole table. `IS NOT DISTINCT FROM` keeps the partial
    /// indexes out.
    static let heldTask = """
        CROSS JOIN LATERAL (
                    SELECT tasks.* FROM tasks WHERE tasks.id = given.id AND tasks.lease_token = given.token
                        AND tasks.state IS NOT DISTINCT FROM 'running'
                    FOR UPDATE
                ) AS found
        """

    /// Holds everything that several statements of one transaction will hold: all tasks first, then all outermost batches, each in
    /// the order of ids. One statement after the other would hold the batches of the first before the tasks of the second, and
    /// two settlers, or one and whoever cancels a batch, would wait for each other.
    static func hold(_ fences: [Fence]) -> Statement<Int64> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::int8[], $2::int8[]) AS given (id, token) ORDER BY id
            ), held AS MATERIALIZED (
                SELECT found.id, found.batch_id FROM given \(heldTask)
            ), \(BatchAccounting.roots(of: "held"))
            SELECT count(*) FROM roots
            """,
            [.int8Array(fences.map(\.task.rawValue)), .int8Array(fences.map(\.token.rawValue))]
        ) { row throws(PostgresError) in try row.int64(0) }
    }

    /// To the archive, as completed or cancelled, counted in their batches.
    static func archive(_ fences: [Fence], as state: TaskState, reasons: [String?]) -> Statement<TaskID> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[]) AS given (id, token, reason) ORDER BY id
            ), held AS MATERIALIZED (
                SELECT found.id, given.reason FROM given \(heldTask)
            ), gone AS (
                DELETE FROM tasks USING held WHERE tasks.id = held.id RETURNING tasks.*, held.reason
            ), \(archived(state))
            SELECT id FROM gone
            """,
            [
                .int8Array(fences.map(\.task.rawValue)), .int8Array(fences.map(\.token.rawValue)),
                .optionalTextArray(reasons),
            ]
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }

    /// What follows `gone (tasks.*, reason)`: the archive's rows, and the batches' counts.
    static func archived(_ state: TaskState) -> String {
        """
        archived AS (
                INSERT INTO tasks_archive (
                    id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload, batch_id,
                    unique_key, lease_token, worker, reason, created_at, claimed_at
                )
                SELECT id, tenant_id, queue, kind, '\(state.rawValue)', attempt, crash_count, payload_version, payload,
                    batch_id, unique_key, lease_token, lease_owner, reason, created_at, claimed_at
                FROM gone
            ), \(BatchAccounting.move("gone", from: .pending, to: .init(state)))
        """
    }

    /// One task that goes back: to available, scheduled or retryable.
    struct Return: Sendable {
        let fence: Fence
        let state: TaskState
        let delay: Duration
        /// Snoozes and releases give the attempt back.
        let isRefunded: Bool
        /// As in `attempts.outcome`.
        let outcome: String
        let failure: TaskFailure
    }

    /// Whoever ran to its end without taking its process with it is no suspect any more.
    static func giveBack(_ returns: [Return]) -> Statement<TaskID> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest(
                    $1::int8[], $2::int8[], $3::text[], $4::float8[], $5::bool[], $6::text[], $7::text[], $8::text[]
                ) AS given (id, token, next, delay, refund, outcome, class, message) ORDER BY id
            ), held AS MATERIALIZED (
                SELECT found.id, tenant_id, attempt, lease_token, lease_owner, claimed_at, next, delay, refund, outcome,
                    class, message
                FROM given \(heldTask)
            ), kept AS (
                INSERT INTO attempts (
                    task_id, tenant_id, attempt, lease_token, worker, outcome, error_class, error_message, claimed_at
                )
                SELECT id, tenant_id, attempt, lease_token, lease_owner, outcome, class, message, claimed_at FROM held
            )
            UPDATE tasks SET state = next, run_at = CASE WHEN next = 'available' THEN tasks.run_at
                    ELSE now() + make_interval(secs => delay) END,
                attempt = tasks.attempt - CASE WHEN refund THEN 1 ELSE 0 END,
                lease_token = NULL, lease_owner = NULL, claimed_at = NULL, deadline_at = NULL,
                suspect = tasks.suspect AND outcome = 'released',
                solo_crashes = CASE WHEN outcome = 'released' THEN tasks.solo_crashes ELSE 0 END
            FROM held WHERE tasks.id = held.id
            RETURNING tasks.id
            """,
            [
                .int8Array(returns.map(\.fence.task.rawValue)), .int8Array(returns.map(\.fence.token.rawValue)),
                .textArray(returns.map(\.state.rawValue)), .float8Array(returns.map(\.delay.inSeconds)),
                .boolArray(returns.map(\.isRefunded)), .textArray(returns.map(\.outcome)),
                .textArray(returns.map(\.failure.errorClass)),
                .textArray(returns.map { sanitized($0.failure.message) }),
            ]
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }

    /// To the archive as cancelled, with the error of the attempt kept as of every other.
    static func discard(_ fences: [Fence], _ failures: [TaskFailure]) -> Statement<TaskID> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::text[])
                    AS given (id, token, class, message) ORDER BY id
            ), held AS MATERIALIZED (
                SELECT found.id, class, message FROM given \(heldTask)
            ), gone AS (
                DELETE FROM tasks USING held WHERE tasks.id = held.id
                RETURNING tasks.*, class, message, 'discarded: ' || class || ': ' || message AS reason
            ), kept AS (
                INSERT INTO attempts (
                    task_id, tenant_id, attempt, lease_token, worker, outcome, error_class, error_message, claimed_at
                )
                SELECT id, tenant_id, attempt, lease_token, lease_owner, 'failed', class, message, claimed_at FROM gone
            ), \(archived(.cancelled))
            SELECT id FROM gone
            """,
            [
                .int8Array(fences.map(\.task.rawValue)), .int8Array(fences.map(\.token.rawValue)),
                .textArray(failures.map(\.errorClass)), .textArray(failures.map { sanitized($0.message) }),
            ]
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }

    /// To the dead letters, with the last error, counted in their batches.
    static func bury(_ dead: [(fence: Fence, failure: TaskFailure, isQuarantined: Bool)]) -> Statement<TaskID> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::bool[])
                    AS given (id, token, class, message, fingerprint, quarantined)
            ), held AS MATERIALIZED (
                SELECT tasks.id, class, message, fingerprint, quarantined FROM tasks JOIN given USING (id)
                WHERE tasks.state = 'running' AND tasks.lease_token = given.token
                ORDER BY tasks.id FOR UPDATE OF tasks
            ), gone AS (
                DELETE FROM tasks USING held WHERE tasks.id = held.id 
                RETURNING tasks.*, class, message, fingerprint, quarantined, 0 AS last_crash
            ), kept AS (
                INSERT INTO attempts (
                    task_id, tenant_id, attempt, lease_token, worker, outcome, error_class, error_message, claimed_at
                )
                SELECT id, tenant_id, attempt, lease_token, lease_owner, 'failed', class, message, claimed_at FROM gone
            ), \(buried)
            SELECT id FROM gone
            """,
            [
                .int8Array(dead.map(\.fence.task.rawValue)), .int8Array(dead.map(\.fence.token.rawValue)),
                .textArray(dead.map(\.failure.errorClass)), .textArray(dead.map { sanitized($0.failure.message) }),
                .textArray(dead.map { sanitized($0.failure.fingerprint) }), .boolArray(dead.map(\.isQuarantined)),
            ]
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }

    /// What follows `gone (tasks.*, class, message, fingerprint, quarantined, last_crash)`: the letters, and the batches' counts.
    static let buried = """
        buried AS (
                INSERT INTO dead_letters (
                    id, tenant_id, queue, kind, priority, attempt, max_attempts, crash_count, timeout_seconds,
                    payload_version, payload, batch_id, unique_key, error_class, error_message, fingerprint, created_at,
                    quarantined
                )
                SELECT id, tenant_id, queue, kind, priority, attempt, max_attempts, crash_count + last_crash, timeout_seconds,
                    payload_version, payload, batch_id, unique_key, class, message, fingerprint, created_at,
                    quarantined
                FROM gone
            ), \(BatchAccounting.move("gone", from: .pending, to: .dead))
        """

    /// PostgreSQL's text holds no U+0000.
    static func sanitized(_ text: String) -> String {
        text.utf8.contains(0) ? String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\0" })) : text
    }
}
