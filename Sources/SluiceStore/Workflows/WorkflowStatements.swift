internal import SluiceCore
internal import SluicePostgres
internal import SluiceQueue

/// How a workflow's batches, nodes and edges come into being, all in one transaction.
enum WorkflowStatements {
    /// - Parameter root: nil for the outermost batch.
    static func insertBatch(_ batch: WorkflowPlan.Batch, tenant: TenantID, parent: BatchID?, root: BatchID?)
        -> Statement<
            BatchID
        >
    {
        Statement(
            """
            INSERT INTO batches (tenant_id, label, on_dead, is_workflow, parent_id, root_id, total, pending)
            VALUES ($1, $2, $3, true, $4, $5, $6, $6) RETURNING id
            """,
            [
                .text(tenant.rawValue), .text(String(batch.label.unicodeScalars.prefix(500))),
                .text(batch.onDead.rawValue),
                .optionalInt8(parent?.rawValue), .optionalInt8(root?.rawValue), .int8(Int64(batch.innerBatches)),
            ]
        ) { row throws(PostgresError) in BatchID(rawValue: try row.int64(0)) }
    }

    /// Takes tasks that this transaction has just stored back until their nodes are released.
    static func hold(_ tasks: [TaskID]) -> Statement<Void> {
        Statement(
            "UPDATE tasks SET state = 'scheduled', run_at = 'infinity' WHERE id = ANY ($1::int8[])",
            [.int8Array(tasks.map(\.rawValue))]
        )
    }

    struct NodeRow {
        let batch: BatchID
        let name: String
        let task: TaskID?
        let child: BatchID?
        let isReleased: Bool
        let waitsFor: Int
        let delay: Duration
    }

    /// Inserts nodes in the order given. Returns their ids with their positions, from 1.
    static func insertNodes(_ nodes: [NodeRow], tenant: TenantID) -> Statement<(position: Int, id: Int64)> {
        Statement(
            """
            WITH input AS MATERIALIZED (
                SELECT nextval(pg_get_serial_sequence('workflow_nodes', 'id')) AS id, given.* FROM unnest(
                    $2::int8[], $3::text[], $4::int8[], $5::int8[], $6::bool[], $7::int4[], $8::float8[]
                ) WITH ORDINALITY AS given (batch, name, task, child, released, waits_for, delay, position)
            ), inserted AS (
                INSERT INTO workflow_nodes (id, tenant_id, batch_id, name, task_id, child_id, state, waits_for, delay_seconds)
                SELECT id, $1, batch, name, task, child, CASE WHEN released THEN 'released' ELSE 'waiting' END, waits_for, delay
                FROM input ORDER BY position
            )
            SELECT position, id FROM input
            """,
            [
                .text(tenant.rawValue), .int8Array(nodes.map(\.batch.rawValue)), .textArray(nodes.map(\.name)),
                .optionalInt8Array(nodes.map { $0.task?.rawValue }),
                .optionalInt8Array(nodes.map { $0.child?.rawValue }),
                .boolArray(nodes.map(\.isReleased)), .int4Array(nodes.map(\.waitsFor)),
                .float8Array(nodes.map(\.delay.inSeconds)),
            ]
        ) { row throws(PostgresError) in (Int(try row.int64(0)), try row.int64(1)) }
    }

    static func insertEdges(_ edges: [(from: Int64, to: Int64, condition: Workflow.Condition)], tenant: TenantID)
        -> Statement<
            Void
        >
    {
        Statement(
            """
            INSERT INTO workflow_edges (from_node, to_node, tenant_id, condition)
            SELECT from_node, to_node, $1, condition FROM unnest($2::int8[], $3::int8[], $4::text[])
                AS given (from_node, to_node, condition)
            """,
            [
                .text(tenant.rawValue), .int8Array(edges.map(\.from)), .int8Array(edges.map(\.to)),
                .textArray(edges.map(\.condition.rawValue)),
            ]
        )
    }
}
