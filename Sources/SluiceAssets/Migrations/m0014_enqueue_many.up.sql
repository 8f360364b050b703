-- Enqueues many tasks of one kind in the caller's transaction; their ids come back in the order of the payloads.
-- Locks: none on existing tables. Safe on a full database: yes.
--
-- NULL means the default: of the kind where kind_defaults has it, else priority 5, 10 attempts, 60 s, version 1. The tenant
-- is that of the session, sluice.tenant. With unique_keys one key, or NULL, for each payload; on_conflict says what becomes
-- of a live task that has the key: keep, replace or reschedule; its id comes back.
CREATE FUNCTION enqueue_many(
    kind text, payloads jsonb[], queue text DEFAULT NULL, unique_keys text[] DEFAULT NULL, tenant text DEFAULT NULL,
    priority integer DEFAULT NULL, delay interval DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    max_attempts integer DEFAULT NULL, timeout_seconds integer DEFAULT NULL, payload_version integer DEFAULT NULL,
    batch bigint DEFAULT NULL, on_conflict text DEFAULT 'keep'
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known kind_defaults;
    task tasks;
    stored record;
    fresh text[] := '{}';
    added bigint;
BEGIN
    SELECT * INTO known FROM kind_defaults AS defaults WHERE defaults.kind = enqueue_many.kind;
    task.kind := enqueue_many.kind;
    task.tenant_id := coalesce(tenant, nullif(nullif(current_setting('sluice.tenant', true), ''), '*'));
    task.queue := coalesce(queue, known.queue);
    task.priority := coalesce(priority, 5);
    task.run_at := greatest(now(), coalesce(run_at, now() + delay));
    task.state := CASE WHEN task.run_at > now() THEN 'scheduled' ELSE 'available' END;
    task.max_attempts := coalesce(max_attempts, known.max_attempts, 10);
    task.timeout_seconds := coalesce(timeout_seconds, known.timeout_seconds, 60);
    task.payload_version := coalesce(payload_version, known.payload_version, 1);
    task.batch_id := batch;
    PERFORM sluice_check_task(task, payloads, unique_keys, on_conflict, run_at IS NOT NULL AND delay IS NOT NULL);
    IF unique_keys IS NULL THEN
        RETURN QUERY INSERT INTO tasks (
            tenant_id, queue, kind, payload, payload_version, priority, state, run_at, max_attempts, timeout_seconds,
            batch_id
        )
        SELECT task.tenant_id, task.queue, task.kind, body, task.payload_version, task.priority, task.state, task.run_at,
            task.max_attempts, task.timeout_seconds, task.batch_id
        FROM unnest(payloads) WITH ORDINALITY AS given (body, position) ORDER BY position
        RETURNING tasks.id;
        GET DIAGNOSTICS added = ROW_COUNT;
    ELSE
        added := 0;
        FOR task.payload, task.unique_key IN SELECT body, key FROM unnest(payloads, unique_keys) AS given (body, key) LOOP
            SELECT * INTO stored FROM sluice_store_task(task, on_conflict);
            IF stored.is_new THEN
                added := added + 1;
                IF task.unique_key IS NOT NULL THEN fresh := fresh || task.unique_key; END IF;
            END IF;
            RETURN NEXT stored.task_id;
        END LOOP;
        IF fresh <> '{}' THEN PERFORM sluice_supersede_dead(task.tenant_id, task.kind, fresh); END IF;
    END IF;
    IF batch IS NOT NULL AND added > 0 THEN
        UPDATE batches SET total = total + added, pending = pending + added, finished_at = NULL
        WHERE id = batch AND tenant_id = task.tenant_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'sluice: tenant % has no batch %', task.tenant_id, batch
                USING ERRCODE = 'foreign_key_violation';
        END IF;
    END IF;
END $$;
