internal import SluicePostgres

/// How deep queues are. Clock: the server's.
enum DepthStatements {
    /// Tasks of one queue and state that are counted one by one; beyond that the leader's count stands in.
    static let exact = 20_000

    /// Counts the queues that are deeper than `exact` into `queue_depths`, and forgets the others, while `term` leads.
    ///
    /// - Index: `tasks_streams_idx` and `tasks_due_idx`, up to `exact` entries; all of the table for queues that are deeper.
    static func refresh(term: Int64) -> Statement<Void> {
        Statement(
            """
            WITH waiting AS MATERIALIZED (
                SELECT count(*) > \(exact) AS are_many FROM (
                    SELECT FROM tasks WHERE state IN ('scheduled', 'retryable') LIMIT \(exact + 1)
                ) AS some_tasks
            ), deep AS MATERIALIZED (
                SELECT name FROM queues WHERE (SELECT are_many FROM waiting) OR \(exact) < (
                    SELECT count(*) FROM (
                        SELECT FROM tasks WHERE queue = name AND state = 'available' LIMIT \(exact + 1)
                    ) AS some_tasks
                )
            ), counted AS MATERIALIZED (
                SELECT queue, state, count(*) AS tasks FROM tasks
                WHERE EXISTS (SELECT FROM deep) AND EXISTS (SELECT FROM leader WHERE term = $1) AND state <> 'running'
                    AND queue IN (SELECT name FROM deep)
                GROUP BY queue, state
            ), forgotten AS (
                DELETE FROM queue_depths WHERE (queue, state) NOT IN (SELECT queue, state FROM counted)
            )
            INSERT INTO queue_depths (queue, state, tasks) SELECT queue, state, tasks FROM counted
            ON CONFLICT (queue, state) DO UPDATE SET tasks = excluded.tasks, counted_at = now()
            """,
            [.int8(term)]
        )
    }

    /// Up to `exact + 1` of the rows that `condition` selects.
    static func capped(_ table: String, where condition: String) -> String {
        "(SELECT count(*) FROM (SELECT FROM \(table) WHERE \(condition) LIMIT \(exact + 1)) AS some_rows)"
    }
}
