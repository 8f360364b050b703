-- enqueue() refuses tasks of a tenant that is being erased.
-- Locks: none on existing tables. Safe on a full database: yes.

-- What Swift's types and Store.enqueue check; says what is wrong, never the payload.
CREATE OR REPLACE FUNCTION sluice_check_task(
    task tasks, payloads jsonb[], unique_keys text[], on_conflict text, has_two_times boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name_rule constant text := '^[a-z0-9][a-z0-9._-]{0,62}$';
    largest integer := (SELECT max(octet_length(body::text)) FROM unnest(payloads) AS body);
    problem text := CASE
        WHEN task.kind IS NULL OR task.kind !~ name_rule THEN 'the kind is not a valid name'
        WHEN task.tenant_id IS NULL THEN 'no tenant: SET sluice.tenant, or give tenant =>'
        WHEN task.tenant_id !~ name_rule THEN 'the tenant is not a valid name'
        WHEN coalesce(current_setting('sluice.tenant', true), '') NOT IN ('*', task.tenant_id)
            THEN 'the session may not write for this tenant: SET sluice.tenant to it'
        WHEN task.queue IS NULL THEN 'the kind has no default queue: give queue =>, or add the kind to kind_defaults'
        WHEN task.queue !~ name_rule THEN 'the queue is not a valid name'
        WHEN task.priority NOT BETWEEN 0 AND 9 THEN 'the priority must be 0 to 9'
        WHEN task.max_attempts < 1 THEN 'max_attempts must be 1 to 32767'
        WHEN task.timeout_seconds < 1 THEN 'timeout_seconds must be at least 1'
        WHEN payloads IS NULL OR array_position(payloads, NULL) IS NOT NULL THEN 'a payload is NULL'
        WHEN largest > 262144 THEN format('a payload has %s bytes, at most 262144 are stored: refer to large content', largest)
        WHEN unique_keys IS NOT NULL AND cardinality(unique_keys) <> cardinality(payloads)
            THEN 'there must be as many unique_keys as payloads'
        WHEN on_conflict IS NULL OR on_conflict NOT IN ('keep', 'replace', 'reschedule')
            THEN 'on_conflict must be keep, replace or reschedule'
        WHEN has_two_times THEN 'give delay or run_at, not both'
    END;
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'sluice: %', problem USING ERRCODE = 'invalid_parameter_value',
            HINT = 'A name has 1 to 63 characters of a-z, 0-9, ''.'', ''_'', ''-'' and begins with a letter or a digit.';
    END IF;
    PERFORM sluice_admit(ARRAY[task.tenant_id]);
END $$;
