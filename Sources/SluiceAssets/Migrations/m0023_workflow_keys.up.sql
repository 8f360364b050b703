-- enqueue() and workflows: tasks that wait in one are neither replaced nor rescheduled.
-- Locks: none on existing tables. Safe on a full database: yes.

-- With its owner's rights: applications that may enqueue see no nodes.
CREATE FUNCTION sluice_is_waiting(task bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT EXISTS (SELECT FROM workflow_nodes WHERE task_id = task AND workflow_nodes.state = 'waiting')
$$;

CREATE OR REPLACE FUNCTION sluice_store_task(task tasks, policy text, OUT task_id bigint, OUT is_new boolean)
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
                AND tasks.state IN ('scheduled', 'available', 'retryable') AND NOT sluice_is_waiting(tasks.id)
            RETURNING tasks.id INTO task_id;
        ELSIF policy = 'reschedule' THEN
            UPDATE tasks SET run_at = task.run_at, priority = task.priority,
                state = CASE WHEN tasks.state = 'retryable' AND task.state = 'scheduled' THEN 'retryable'
                    ELSE task.state END
            WHERE tasks.tenant_id = task.tenant_id AND tasks.kind = task.kind AND tasks.unique_key = task.unique_key
                AND tasks.state IN ('scheduled', 'available', 'retryable') AND NOT sluice_is_waiting(tasks.id)
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
        SELECT tasks.id, tasks.state <> 'running' AND NOT sluice_is_waiting(tasks.id) INTO task_id, is_changeable FROM tasks
        WHERE tasks.tenant_id = task.tenant_id AND tasks.kind = task.kind AND tasks.unique_key = task.unique_key;
        IF task_id IS NOT NULL AND (policy = 'keep' OR NOT is_changeable) THEN RETURN; END IF;
        task_id := NULL;
    END LOOP;
    RAISE EXCEPTION 'sluice: a unique key kept changing hands' USING ERRCODE = 'serialization_failure';
END $$;
