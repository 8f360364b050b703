-- The loop that follows the ends of nodes.
-- Locks: none on existing tables. Safe on a full database: yes.

-- Follows changes of these nodes' states until nothing more changes.
CREATE FUNCTION sluice_advance(changed bigint[]) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ready bigint[];
    inner_ready bigint[];
    dropped bigint[];
BEGIN
    WHILE cardinality(changed) > 0 LOOP
        WITH given AS MATERIALIZED (
            SELECT edge.from_node, edge.to_node, edge.verdict AS before,
                sluice_edge_verdict(edge.condition, node.state, batch.on_dead) AS verdict
            FROM workflow_nodes AS node JOIN batches AS batch ON batch.id = node.batch_id
            JOIN workflow_edges AS edge ON edge.from_node = node.id
            JOIN workflow_nodes AS next ON next.id = edge.to_node
            WHERE node.id = ANY (changed) AND next.state = 'waiting'
        ), judged AS (
            UPDATE workflow_edges AS edge SET verdict = given.verdict FROM given
            WHERE edge.from_node = given.from_node AND edge.to_node = given.to_node
                AND edge.verdict IS DISTINCT FROM given.verdict
            RETURNING edge.to_node, given.before, given.verdict
        ), fewer AS (
            UPDATE workflow_nodes AS node SET waits_for = node.waits_for - sums.fewer
            FROM (
                SELECT to_node, sum((before IS NULL)::int - (verdict IS NULL)::int)::int AS fewer FROM judged GROUP BY to_node
            ) AS sums
            WHERE node.id = sums.to_node RETURNING node.id, node.waits_for
        )
        SELECT array_agg(id) INTO ready FROM fewer WHERE waits_for = 0;
        dropped := '{}';
        WHILE cardinality(ready) > 0 LOOP
            WITH decided AS (
                UPDATE workflow_nodes AS node SET state = CASE
                    WHEN EXISTS (SELECT FROM workflow_edges WHERE to_node = node.id AND verdict = 'failed') THEN 'cancelled'
                    WHEN EXISTS (SELECT FROM workflow_edges WHERE to_node = node.id AND verdict = 'skipped') THEN 'skipped'
                    ELSE 'released' END
                WHERE node.id = ANY (ready) RETURNING node.id, node.task_id, node.child_id, node.state, node.delay_seconds
            ), freed AS (
                UPDATE tasks SET state = CASE WHEN delay_seconds > 0 THEN 'scheduled' ELSE 'available' END,
                    run_at = now() + make_interval(secs => delay_seconds)
                FROM decided WHERE decided.state = 'released' AND tasks.id = decided.task_id
                    AND tasks.state = 'scheduled' AND tasks.run_at = 'infinity'
            ), inner_nodes AS (
                UPDATE workflow_nodes AS node SET waits_for = node.waits_for - 1
                FROM decided WHERE decided.state = 'released' AND node.batch_id = decided.child_id AND node.state = 'waiting'
                RETURNING node.id, node.waits_for
            )
            SELECT array_agg(id) FILTER (WHERE state <> 'released'),
                (SELECT array_agg(id) FROM inner_nodes WHERE waits_for = 0)
            INTO changed, inner_ready FROM decided;
            dropped := dropped || coalesce(changed, '{}');
            ready := inner_ready;
        END LOOP;
        changed := dropped;
        IF cardinality(dropped) > 0 THEN changed := dropped || sluice_drop_nodes(dropped); END IF;
    END LOOP;
END $$;
