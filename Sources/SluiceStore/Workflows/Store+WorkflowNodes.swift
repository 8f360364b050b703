package import SluiceCore
internal import SluicePostgres
package import SluiceQueue

/// A node as operators see it.
package struct WorkflowNode: Sendable {
    package let batch: BatchID
    package let name: String
    package let state: NodeState
    package let task: TaskID?
    package let child: BatchID?
    /// What it comes after: names, with the condition where that is not success.
    package let after: [String]
    /// Counts of the batch inside; zero for a task.
    package let pending: Int
    package let completed: Int
    package let dead: Int
    package let cancelled: Int
}

extension Store {
    /// The nodes of a batch and of all batches inside it, in the order in which they were given, at most `limit`.
    package func workflowNodes(_ batch: BatchID, limit: Int = 10_000) async throws -> [WorkflowNode] {
        try await pool.query(
            Statement(
                """
                WITH RECURSIVE tree AS (
                    SELECT id FROM batches WHERE id = $1
                    UNION ALL
                    SELECT batches.id FROM tree JOIN batches ON batches.parent_id = tree.id
                )
                SELECT node.batch_id, node.name, node.state, node.task_id, node.child_id,
                    ARRAY(
                        SELECT before.name || CASE edge.condition WHEN 'on_success' THEN '' ELSE ' ' || edge.condition END
                        FROM workflow_edges AS edge JOIN workflow_nodes AS before ON before.id = edge.from_node
                        WHERE edge.to_node = node.id ORDER BY before.id
                    ),
                    coalesce(inside.pending, 0), coalesce(inside.completed, 0), coalesce(inside.dead, 0),
                    coalesce(inside.cancelled, 0)
                FROM tree JOIN workflow_nodes AS node ON node.batch_id = tree.id
                LEFT JOIN batches AS inside ON inside.id = node.child_id
                ORDER BY node.id LIMIT $2
                """,
                [.int8(batch.rawValue), .int8(Int64(limit))]
            ) { row throws(PostgresError) in
                WorkflowNode(
                    batch: BatchID(rawValue: try row.int64(0)),
                    name: try row.text(1),
                    state: NodeState(rawValue: try row.text(2)) ?? .waiting,
                    task: try row.optionalInt64(3).map { TaskID(rawValue: $0) },
                    child: try row.optionalInt64(4).map { BatchID(rawValue: $0) },
                    after: try row.textArray(5),
                    pending: Int(try row.int64(6)),
                    completed: Int(try row.int64(7)),
                    dead: Int(try row.int64(8)),
                    cancelled: Int(try row.int64(9))
                )
            }
        )
    }

    /// Dead letters in a batch and in all batches inside it, and whether nothing else moves there: then they block it.
    package func blockers(of batch: BatchID) async throws -> (letters: Int, isBlocked: Bool) {
        let rows = try await pool.query(
            Statement(
                """
                WITH RECURSIVE tree AS (
                    SELECT id FROM batches WHERE id = $1
                    UNION ALL
                    SELECT batches.id FROM tree JOIN batches ON batches.parent_id = tree.id
                )
                SELECT (SELECT count(*) FROM dead_letters WHERE batch_id IN (SELECT id FROM tree)),
                    NOT EXISTS (
                        SELECT FROM tasks WHERE batch_id IN (SELECT id FROM tree)
                            AND NOT (state = 'scheduled' AND run_at = 'infinity')
                    )
                """,
                [.int8(batch.rawValue)]
            ) { row throws(PostgresError) in (letters: Int(try row.int64(0)), isBlocked: try row.bool(1)) }
        )
        return rows.first ?? (0, false)
    }
}
