internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

extension SettleStatements {
    /// Back to scheduled, the attempt refunded, by `DeclinePolicy`: how often the task was declined before is counted in
    /// `attempts`, so that the hot table needs no counter for it.
    ///
    /// - Index: the primary keys of both tables.
    static func decline(_ fences: [Fence], _ reasons: [TaskFailure]) -> Statement<TaskID> {
        Statement(
            """
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::text[]) AS given (id, token, class, message)
            ), held AS MATERIALIZED (
                SELECT tasks.id, tenant_id, attempt, lease_token, lease_owner, claimed_at, class, message
                FROM tasks JOIN given USING (id)
                WHERE tasks.state = 'running' AND tasks.lease_token = given.token
                ORDER BY tasks.id FOR UPDATE OF tasks
            ), counted AS MATERIALIZED (
                SELECT held.id, (SELECT count(*) FROM attempts
                    WHERE attempts.task_id = held.id AND outcome = 'released' AND error_class = class) AS earlier
                FROM held
            ), kept AS (
                INSERT INTO attempts (
                    task_id, tenant_id, attempt, lease_token, worker, outcome, error_class, error_message, claimed_at
                )
                SELECT id, tenant_id, attempt, lease_token, lease_owner, 'released', class, message, claimed_at FROM held
            )
            UPDATE tasks SET state = 'scheduled', attempt = tasks.attempt - 1,
                run_at = now() + make_interval(
                    secs => least($6, $5 * power(2, least(earlier, 20))) * (0.75 + 0.25 * random())
                ),
                lease_token = NULL, lease_owner = NULL, claimed_at = NULL, deadline_at = NULL
            FROM counted WHERE tasks.id = counted.id
            RETURNING tasks.id
            """,
            [
                .int8Array(fences.map(\.task.rawValue)), .int8Array(fences.map(\.token.rawValue)),
                .textArray(reasons.map(\.errorClass)), .textArray(reasons.map(\.message)),
                .float8(DeclinePolicy.first.inSeconds), .float8(DeclinePolicy.longest.inSeconds),
            ]
        ) { row throws(PostgresError) in TaskID(rawValue: try row.int64(0)) }
    }
}
