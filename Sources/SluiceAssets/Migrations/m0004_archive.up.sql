-- Where settled tasks go: day partitions that are dropped, never deleted from; and the dead letters.
-- Locks: none on existing tables. Safe on a full database: yes.

CREATE TABLE tasks_archive (
    id bigint NOT NULL,
    tenant_id text NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('completed', 'cancelled')),
    attempt smallint NOT NULL,
    crash_count smallint NOT NULL,
    payload_version smallint NOT NULL,
    payload jsonb NOT NULL,
    batch_id bigint,
    unique_key text,
    lease_token bigint,
    worker uuid,
    reason text,
    created_at timestamptz NOT NULL,
    claimed_at timestamptz,
    finished_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (finished_at);
SELECT sluice_isolate('tasks_archive');
CREATE INDEX tasks_archive_id_idx ON tasks_archive (id);
CREATE INDEX tasks_archive_batch_idx ON tasks_archive (batch_id) WHERE batch_id IS NOT NULL;

-- Catches what no day partition covers, so that a settle never fails for want of one.
CREATE TABLE tasks_archive_default PARTITION OF tasks_archive DEFAULT;
SELECT sluice_isolate('tasks_archive_default');

-- Makes the partition of one day (UTC); false when it exists or when the default already holds rows of that day.
CREATE FUNCTION sluice_add_archive_day(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    name text := 'tasks_archive_' || to_char(day, 'YYYYMMDD');
    lower timestamptz := day::timestamp AT TIME ZONE 'UTC';
    upper timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(format('%I.%I', current_schema(), name)) IS NOT NULL
        OR EXISTS (SELECT FROM tasks_archive_default WHERE finished_at >= lower AND finished_at < upper)
    THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF tasks_archive FOR VALUES FROM (%L) TO (%L)', name, lower, upper);
    PERFORM sluice_isolate(name::regclass);
    RETURN true;
END $$;
SELECT sluice_add_archive_day((now() AT TIME ZONE 'UTC')::date + offset_days)
FROM generate_series(0, 7) AS offset_days;

CREATE TABLE dead_letters (
    id bigint PRIMARY KEY,
    tenant_id text NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    priority smallint NOT NULL,
    attempt smallint NOT NULL,
    max_attempts smallint NOT NULL,
    crash_count smallint NOT NULL,
    timeout_seconds integer NOT NULL,
    payload_version smallint NOT NULL,
    payload jsonb NOT NULL,
    batch_id bigint,
    unique_key text,
    error_class text NOT NULL,
    error_message text NOT NULL,
    fingerprint text NOT NULL,
    created_at timestamptz NOT NULL,
    died_at timestamptz NOT NULL DEFAULT now()
);
SELECT sluice_isolate('dead_letters');
CREATE INDEX dead_letters_queue_idx ON dead_letters (queue, died_at DESC);
CREATE INDEX dead_letters_fingerprint_idx ON dead_letters (fingerprint);
CREATE INDEX dead_letters_batch_idx ON dead_letters (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX dead_letters_key_idx ON dead_letters (tenant_id, kind, unique_key) WHERE unique_key IS NOT NULL;
