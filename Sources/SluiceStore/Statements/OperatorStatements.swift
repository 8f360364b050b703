internal import SluiceCore
internal import SluicePostgres

/// What operators do to tasks and workers. Tasks are locked in the order of their numbers, as settling does it; a row that is
/// being claimed or settled is waited for, and judged by what became of it. Clock: the server's `now()`.
enum OperatorStatements {
    /// Those that wait end at once, in the archive as cancelled; those that run are marked, for their workers to stop.
    static func cancel(_ filter: TaskFilter, reason: String, limit: Int) -> Statement<(id: TaskID, isEnded: Bool)> {
        let (condition, values) = filter.condition(on: .live, from: 3)
        return Statement(
            """
            WITH picked AS MATERIALIZED (
                SELECT id, state FROM tasks WHERE \(condition) AND NOT (state = 'running' AND cancel_reason IS NOT NULL)
                ORDER BY id LIMIT $2 FOR UPDATE
            ), asked AS (
                UPDATE tasks SET cancel_reason = $1 FROM picked
                WHERE tasks.id = picked.id AND picked.state = 'running' RETURNING tasks.id
            ), gone AS (
                DELETE FROM tasks USING picked WHERE tasks.id = picked.id AND picked.state <> 'running'
                RETURNING tasks.*, $1::text AS reason
            ), \(SettleStatements.archived(.cancelled))
            SELECT id, true FROM gone UNION ALL SELECT id, false FROM asked
            """,
            [.text(SettleStatements.sanitized(reason)), .int8(Int64(limit))] + values
        ) { row throws(PostgresError) in (TaskID(rawValue: try row.int64(0)), try row.bool(1)) }
    }

    /// Tasks that wait for their time may run at once: failed ones, and with `all` those that never failed too.
    static func hurry(_ filter: TaskFilter, all: Bool, limit: Int) -> Statement<(id: TaskID, queue: QueueName)> {
        let (condition, values) = filter.condition(on: .live, from: 3)
        return Statement(
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM tasks WHERE \(condition) AND (state = 'retryable' OR $1 AND state = 'scheduled')
                ORDER BY id LIMIT $2 FOR UPDATE
            )
            UPDATE tasks SET state = 'available', run_at = now() FROM picked WHERE tasks.id = picked.id
            RETURNING tasks.id, tasks.queue
            """,
            [.bool(all), .int8(Int64(limit))] + values
        ) { row throws(PostgresError) in (TaskID(rawValue: try row.int64(0)), QueueName(trusted: try row.text(1))) }
    }

    /// Tasks that wait do so for that long from now on.
    static func snooze(_ filter: TaskFilter, _ duration: Duration, limit: Int) -> Statement<TaskID> {
        let (condition, values) = filter.condition(on: .live, from: 3)
        return Statement(
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM tasks WHERE \(condition) AND state <> 'running' ORDER BY id LIMIT $2 FOR UPDATE
            )
            UPDATE tasks SET state = CASE WHEN state = 'retryable' THEN 'retryable' ELSE 'scheduled' END,
                run_at = now() + make_interval(secs => $1)
            FROM picked WHERE tasks.id = picked.id RETURNING tasks.id
            """,
            [.float8(duration.inSeconds), .int8(Int64(limit))] + values
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }

    static func prioritize(_ filter: TaskFilter, _ priority: Int, limit: Int) -> Statement<TaskID> {
        let (condition, values) = filter.condition(on: .live, from: 3)
        return Statement(
            """
            WITH picked AS MATERIALIZED (
                SELECT id FROM tasks WHERE \(condition) AND priority <> $1 ORDER BY id LIMIT $2 FOR UPDATE
            )
            UPDATE tasks SET priority = $1 FROM picked WHERE tasks.id = picked.id RETURNING tasks.id
            """,
            [.int2(priority), .int8(Int64(limit))] + values
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }

    /// Touches no row when the worker has no valid lease.
    static func ask(_ worker: WorkerID, _ request: String) -> Statement<Void> {
        Statement(
            "UPDATE workers SET request = $2 WHERE id = $1 AND lease_expires_at > now() AND role = 'worker'",
            [.uuid(worker), .text(request)]
        )
    }

    /// Ends the worker's lease. Touches no row when it has none.
    static func evict(_ worker: WorkerID) -> Statement<Void> {
        Statement(
            """
            UPDATE workers SET state = 'lost', lease_expires_at = now()
            WHERE id = $1 AND lease_expires_at > now() AND role = 'worker'
            """,
            [.uuid(worker)]
        )
    }

    static func findWorkers(_ text: String) -> Statement<WorkerID> {
        Statement(
            """
            SELECT id FROM workers WHERE role = 'worker' AND lease_expires_at > now()
                AND ($1 = 'all' OR id::text LIKE $1 || '%' OR host = $1 OR host || ':' || pid = $1)
            ORDER BY started_at
            """,
            [.text(text)]
        ) { row throws(PostgresError) in try row.uuid(0) }
    }
}
