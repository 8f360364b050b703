-- enqueue() and workflows: the nodes of dead letters that a new task takes over.
-- Locks: none on existing tables. Safe on a full database: yes.

-- Dead letters of these keys go to the archive as cancelled, off their batches' dead; their nodes end so. With its owner's
-- rights: what then goes on in workflows is nothing that an application may do itself.
CREATE OR REPLACE FUNCTION sluice_supersede_dead(tenant text, dead_kind text, keys text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH gone AS (
        DELETE FROM dead_letters WHERE tenant_id = tenant AND kind = dead_kind AND unique_key = ANY (keys) RETURNING *
    ), archived AS (
        INSERT INTO tasks_archive (
            id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload, batch_id, unique_key,
            reason, created_at
        )
        SELECT id, tenant_id, queue, kind, 'cancelled', attempt, crash_count, payload_version, payload, batch_id,
            unique_key, 'superseded by a newer task; died of ' || error_class, created_at
        FROM gone
    ), roots AS MATERIALIZED (
        SELECT id FROM batches WHERE id = ANY (ARRAY(
            SELECT coalesce(root_id, id) FROM batches
            WHERE id = ANY (ARRAY(SELECT batch_id FROM gone WHERE batch_id IS NOT NULL))
        ))
        ORDER BY id FOR NO KEY UPDATE
    ), counts AS (
        SELECT batch_id, count(*) AS count FROM gone CROSS JOIN (SELECT count(*) AS roots FROM roots) AS locked
        WHERE batch_id IS NOT NULL AND locked.roots > 0 GROUP BY batch_id
    ), nodes AS (
        UPDATE workflow_nodes SET state = 'cancelled'
        WHERE task_id = ANY (ARRAY(
            SELECT id FROM gone CROSS JOIN (SELECT count(*) AS roots FROM roots) AS locked
            WHERE batch_id IS NOT NULL AND locked.roots > 0
        ))
    )
    UPDATE batches SET dead = dead - count, cancelled = cancelled + count FROM counts WHERE batches.id = counts.batch_id
$$;

-- Functions with their owner's rights must not meet a caller's temporary tables.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'sluice_supersede_dead', 'sluice_is_waiting', 'sluice_node_changed', 'sluice_batch_changed', 'sluice_advance',
        'sluice_drop_nodes', 'sluice_roll_up'
    ] LOOP
        EXECUTE format('ALTER FUNCTION %I SET search_path = %I, public, pg_temp', name, current_schema());
    END LOOP;
END $$;
