internal import SluiceCore

/// How batches and workflows are told of tasks that end or come back: one block of SQL for every statement that does that.
///
/// The block follows a CTE with one row a task, with `id` and `batch_id`, and moves those tasks from one count of their batches
/// to another. Triggers close and reopen batches, count that in their parents, and release or drop what waited for them.
/// Tasks without a batch touch no row here.
enum BatchAccounting {
    /// Counts of `batches`, and the state of a node whose task is counted so.
    enum Count: String, Sendable {
        case pending, completed, dead, cancelled

        fileprivate var nodeState: String { self == .pending ? "released" : rawValue }

        /// Where a settled task is counted.
        init(_ state: TaskState) {
            switch state {
            case .completed: self = .completed
            case .cancelled: self = .cancelled
            case .dead: self = .dead
            case .scheduled, .available, .running, .retryable: self = .pending
            }
        }
    }

    /// A CTE that locks the outermost batches of the tasks of the CTE `rows`, which stands before it in the same `WITH`.
    static func roots(of rows: String) -> String {
        """
        roots AS MATERIALIZED (
                SELECT id FROM batches WHERE id = ANY (ARRAY(
                    SELECT coalesce(root_id, id) FROM batches
                    WHERE id = ANY (ARRAY(SELECT batch_id FROM \(rows) WHERE batch_id IS NOT NULL))
                ))
                ORDER BY id FOR NO KEY UPDATE
            )
        """
    }

    /// CTEs that move the tasks of the CTE `rows`, which stands before them in the same `WITH`.
    ///
    /// The lock on each outermost batch comes first, in the order of ids: whoever counts anywhere below it waits here, and
    /// no two can wait for each other. One UPDATE a batch, however many of its tasks end.
    static func move(_ rows: String, from: Count, to: Count) -> String {
        """
        \(roots(of: rows)), counts AS (
                SELECT batch_id, count(*) AS count FROM \(rows) CROSS JOIN (SELECT count(*) AS roots FROM roots) AS locked
                WHERE batch_id IS NOT NULL AND locked.roots > 0 GROUP BY batch_id
            ), counted AS (
                UPDATE batches SET \(from.rawValue) = \(from.rawValue) - count, \(to.rawValue) = \(to.rawValue) + count
                FROM counts WHERE batches.id = counts.batch_id
            ), nodes AS (
                UPDATE workflow_nodes SET state = '\(to.nodeState)'
                WHERE task_id = ANY (ARRAY(
                    SELECT id FROM \(rows) CROSS JOIN (SELECT count(*) AS roots FROM roots) AS locked
                    WHERE batch_id IS NOT NULL AND locked.roots > 0
                ))
            )
        """
    }
}
