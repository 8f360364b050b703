-- Parts of enqueue(): one task behind its unique key; dead letters whose work a new task takes over.
-- Locks: none on existing tables. Safe on a full database: yes.

-- Stores one task, or treats the live task that has its key by the policy, as Store.enqueue does.
-- Not ON CONFLICT DO UPDATE: it would lock running tasks, whose settling would wait for the caller's transaction.
CREATE FUNCTION sluice_store_task(task tasks, policy text, OUT task_id bigint, OUT is_new boolean)
LANGUAGE plpgsql AS $$
DECLARE
    is_changeable boolean;
BEGIN
    -- The key's bearer may settle, be claimed or let go between our statements: then again.
    FOR round IN 1..5 LOOP
        is_new := false;
        IF policy = 'replace' THEN
            UPDATE tasks SET queue = task.queue, payload = task.payload, payload_version = task.payload_version,
                state = task.state, run_at = task.run_at, priority = task.priority, max_attempts = task.max_attempts,
                timeout_seconds = task.timeout_seconds, attempt = 0, crash_count = 0, suspect = false, solo_crashes = 0
            WHERE tasks.tenant_id = task.tenant_id AND tasks.kind = task.kind AND tasks.unique_key = task.unique_key
                AND tasks.state IN ('scheduled', 'available', 'retryable')
            RETURNING tasks.id INTO task_id;
        ELSIF policy = 'reschedule' THEN
            UPDATE tasks SET run_at = task.run_at, priority = task.priority,
                state = CASE WHEN tasks.state = 'retryable' AND task.state = 'scheduled' THEN 'retryable'
                    ELSE task.state END
            WHERE tasks.tenant_id = task.tenant_id AND tasks.kind = task.kind AND tasks.unique_key = task.unique_key
                AND tasks.state IN ('scheduled', 'available', 'retryable')
            RETURNING tasks.id INTO task_id;
        END IF;
        IF task_id IS NOT NULL THEN RETURN; END IF;
        INSERT INTO tasks (
            tenant_id, queue, kind, payload, payload_version, priority, state, run_at, max_attempts, timeout_seconds,
            batch_id, unique_key
        ) VALUES (
            task.tenant_id, task.queue, task.kind, task.payload, task.payload_version, task.priority, task.state,
            task.run_at, task.max_attempts, task.timeout_seconds, task.batch_id, task.unique_key
        ) ON CONFLICT (tenant_id, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
        RETURNING tasks.id INTO task_id;
        is_new := task_id IS NOT NULL;
        IF is_new THEN RETURN; END IF;
        SELECT tasks.id, tasks.state IN ('scheduled', 'available', 'retryable') INTO task_id, is_changeable FROM tasks
        WHERE tasks.tenant_id = task.tenant_id AND tasks.kind = task.kind AND tasks.unique_key = task.unique_key;
        IF task_id IS NOT NULL AND (policy = 'keep' OR NOT is_changeable) THEN RETURN; END IF;
        task_id := NULL;
    END LOOP;
    RAISE EXCEPTION 'sluice: a unique key kept changing hands' USING ERRCODE = 'serialization_failure';
END $$;

-- Dead letters of these keys go to the archive as cancelled, off their batches' dead.
CREATE FUNCTION sluice_supersede_dead(tenant text, dead_kind text, keys text[]) RETURNS void LANGUAGE sql AS $$
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
