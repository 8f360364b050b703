-- The privileges of an application that enqueues and does nothing else.
-- Locks: none on existing tables. Safe on a full database: yes.

-- Call it for each such role after the migrations: SELECT sluice.sluice_grant_enqueue('my_application').
-- enqueue() runs with its caller's rights, so row-level security keeps the role to the tenant of its session. It can see
-- ids, keys and states of that tenant's live tasks, not their payloads; dead letters it can see, since a new task of the
-- same key takes them over.
CREATE FUNCTION sluice_grant_enqueue(application regrole) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    privilege text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), application);
    FOREACH privilege IN ARRAY ARRAY[
        'SELECT ON kind_defaults',
        'SELECT (id, tenant_id, kind, unique_key, state), '
        'INSERT (tenant_id, queue, kind, payload, payload_version, priority, state, run_at, max_attempts, '
        'timeout_seconds, batch_id, unique_key), '
        'UPDATE (queue, payload, payload_version, priority, state, run_at, max_attempts, timeout_seconds, attempt, '
        'crash_count, suspect, solo_crashes) ON tasks',
        'SELECT, INSERT (tenant_id, label), UPDATE (total, pending, dead, cancelled, finished_at) ON batches',
        'SELECT, DELETE ON dead_letters',
        'INSERT ON tasks_archive'
    ] LOOP
        EXECUTE format('GRANT %s TO %s', privilege, application);
    END LOOP;
END $$;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION sluice_grant_enqueue SET search_path = %I, pg_temp', current_schema());
END $$;
