-- Nodes that will not run, and the triggers that follow every end of a node or a batch.
-- Locks: SHARE ROW EXCLUSIVE on batches for milliseconds. Safe on a full database: yes.

-- Takes the waiting tasks of nodes that will not run, and of all inside them, out of the live tasks and counts them.
-- Returns the nodes of batches that ended thereby.
CREATE FUNCTION sluice_drop_nodes(dropped bigint[]) RETURNS bigint[] LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    batches_of bigint[];
    ended_as text[];
BEGIN
    WITH RECURSIVE tree AS (
        SELECT id, batch_id, task_id, child_id, state FROM workflow_nodes WHERE id = ANY (dropped)
        UNION ALL
        SELECT node.id, node.batch_id, node.task_id, node.child_id, tree.state
        FROM tree JOIN workflow_nodes AS node ON node.batch_id = tree.child_id WHERE node.state = 'waiting'
    ), marked AS (
        UPDATE workflow_nodes AS node SET state = tree.state FROM tree WHERE node.id = tree.id AND node.state = 'waiting'
    ), gone AS (
        DELETE FROM tasks USING tree
        WHERE tasks.id = tree.task_id AND tasks.state = 'scheduled' AND tasks.run_at = 'infinity'
        RETURNING tasks.*, tree.state AS ended
    ), archived AS (
        INSERT INTO tasks_archive (
            id, tenant_id, queue, kind, state, attempt, crash_count, payload_version, payload, batch_id, unique_key,
            reason, created_at
        )
        SELECT id, tenant_id, queue, kind, 'cancelled', attempt, crash_count, payload_version, payload, batch_id, unique_key,
            CASE ended WHEN 'skipped' THEN 'skipped: its condition did not come true'
                ELSE 'cancelled: what it comes after failed or was cancelled' END,
            created_at
        FROM gone
    )
    SELECT array_agg(batch_id), array_agg(ended) INTO batches_of, ended_as FROM gone;
    RETURN sluice_roll_up(batches_of, array_fill('released'::text, ARRAY[coalesce(cardinality(batches_of), 0)]), ended_as);
END $$;

-- The triggers sleep while the loop itself changes rows. They have their owner's rights: an application that only enqueues
-- into a batch may not change nodes itself.
CREATE FUNCTION sluice_node_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM set_config('sluice.advancing', 'on', true);
    PERFORM sluice_advance(ARRAY[NEW.id]);
    PERFORM set_config('sluice.advancing', '', true);
    RETURN NULL;
END $$;
CREATE TRIGGER node_changed AFTER UPDATE ON workflow_nodes FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND current_setting('sluice.advancing', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION sluice_node_changed();

CREATE FUNCTION sluice_batch_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    became text := sluice_counted_as(NEW.outcome);
    changed bigint[];
BEGIN
    PERFORM set_config('sluice.advancing', 'on', true);
    WITH told AS (
        UPDATE workflow_nodes SET state = became WHERE child_id = NEW.id AND workflow_nodes.state <> became RETURNING id
    )
    SELECT coalesce(array_agg(id), '{}') INTO changed FROM told;
    changed := changed || sluice_roll_up(ARRAY[NEW.parent_id], ARRAY[sluice_counted_as(OLD.outcome)], ARRAY[became]);
    PERFORM sluice_advance(changed);
    PERFORM set_config('sluice.advancing', '', true);
    RETURN NULL;
END $$;
CREATE TRIGGER batch_changed AFTER UPDATE ON batches FOR EACH ROW
    WHEN (NEW.parent_id IS NOT NULL AND OLD.outcome IS DISTINCT FROM NEW.outcome
        AND current_setting('sluice.advancing', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION sluice_batch_changed();
