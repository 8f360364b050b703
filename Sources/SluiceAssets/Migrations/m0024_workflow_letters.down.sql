-- As it was before.
-- Dead letters of these keys go to the archive as cancelled, off their batches' dead.
CREATE OR REPLACE FUNCTION sluice_supersede_dead(tenant text, dead_kind text, keys text[]) RETURNS void LANGUAGE sql SECURITY INVOKER AS $$
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
    ), counts AS (
        SELECT batch_id, count(*) AS count FROM gone WHERE batch_id IS NOT NULL GROUP BY batch_id
    )
    UPDATE batches SET dead = dead - count, cancelled = cancelled + count,
        finished_at = CASE WHEN pending = 0 AND dead = count THEN now() END
    FROM counts WHERE batches.id = counts.batch_id
$$;
ALTER FUNCTION sluice_supersede_dead RESET search_path;
