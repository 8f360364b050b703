-- How workflows go on: every end of a node is followed to all that hangs on it, in the transaction of that end.
-- Locks: none on existing tables. Safe on a full database: yes.
--
-- Whoever changes the state of a node or the counts of a batch holds the lock on the row of the outermost batch. Loops, not
-- recursion: chains of thousands of nodes must not meet the server's stack limit.

-- What an edge's condition comes to when the node before it has ended so; NULL when that is no end.
CREATE FUNCTION sluice_edge_verdict(condition text, state text, on_dead text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN state IN ('waiting', 'released') OR (state = 'dead' AND on_dead = 'wait') THEN NULL
        WHEN condition = 'on_complete' THEN 'met'
        WHEN state = 'completed' THEN CASE condition WHEN 'on_success' THEN 'met' ELSE 'skipped' END
        WHEN state = 'skipped' THEN 'skipped'
        WHEN condition = 'on_failure' OR (state = 'dead' AND on_dead = 'continue') THEN 'met'
        ELSE 'failed'
    END
$$;

-- Moves children of batches from one count to another, and onwards to the batches' parents where that ends or reopens them.
-- Counts are named by states of nodes; 'released' is pending. Returns the nodes of batches that changed their state.
CREATE FUNCTION sluice_roll_up(batches_of bigint[], from_states text[], to_states text[]) RETURNS bigint[]
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changed bigint[] := '{}';
    told bigint[];
BEGIN
    WHILE cardinality(batches_of) > 0 LOOP
        WITH delta AS MATERIALIZED (
            SELECT batch, sum((became = 'released')::int - (was = 'released')::int) AS pending,
                sum((became = 'completed')::int - (was = 'completed')::int) AS completed,
                sum((became = 'dead')::int - (was = 'dead')::int) AS dead,
                sum((became IN ('cancelled', 'skipped'))::int - (was IN ('cancelled', 'skipped'))::int) AS cancelled,
                sum((became = 'skipped')::int - (was = 'skipped')::int) AS skipped
            FROM unnest(batches_of, from_states, to_states) AS moved (batch, was, became) GROUP BY batch
        ), before AS MATERIALIZED (
            SELECT id, outcome FROM batches WHERE id IN (SELECT batch FROM delta)
        ), counted AS (
            UPDATE batches SET pending = batches.pending + delta.pending, completed = batches.completed + delta.completed,
                dead = batches.dead + delta.dead, cancelled = batches.cancelled + delta.cancelled,
                skipped = batches.skipped + delta.skipped
            FROM delta WHERE batches.id = delta.batch RETURNING batches.id, batches.parent_id, batches.outcome
        ), turned AS MATERIALIZED (
            SELECT id, counted.parent_id, sluice_counted_as(before.outcome) AS was,
                sluice_counted_as(counted.outcome) AS became
            FROM counted JOIN before USING (id)
            WHERE counted.outcome IS DISTINCT FROM before.outcome AND counted.parent_id IS NOT NULL
        ), nodes AS (
            UPDATE workflow_nodes AS node SET state = turned.became
            FROM turned WHERE node.child_id = turned.id AND node.state <> turned.became RETURNING node.id
        )
        SELECT array_agg(turned.parent_id), array_agg(turned.was), array_agg(turned.became), (SELECT array_agg(id) FROM nodes)
        INTO batches_of, from_states, to_states, told FROM turned;
        changed := changed || coalesce(told, '{}');
    END LOOP;
    RETURN changed;
END $$;

-- The state of a batch's node, by the batch's outcome.
CREATE FUNCTION sluice_counted_as(outcome text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN outcome IS NULL THEN 'released' WHEN outcome = 'failed' THEN 'dead' ELSE outcome END
$$;
