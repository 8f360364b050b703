-- Pauses, caps and rates by scope in one table; the index on available tasks gets what fair dispatch looks for.
-- Locks: ACCESS EXCLUSIVE on queues and tenants for milliseconds; SHARE on tasks while its index is built: enqueues and
-- claims wait for some seconds when millions are queued. Safe on a full database: yes.

-- A row exists only while something is imposed on its scope, so the table is nearly empty and costs claims nothing.
CREATE TABLE controls (
    scope text NOT NULL CHECK (scope IN ('queue', 'tenant', 'kind')),
    -- Of the queue, the tenant or the kind.
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    -- Where it applies: the queue itself, a tenant's tasks in one queue, or '*' for all queues.
    queue text NOT NULL CHECK (CASE scope WHEN 'queue' THEN queue = name WHEN 'kind' THEN queue = '*' ELSE true END),
    -- Tasks that may run at once in the whole fleet.
    max_running integer CHECK (max_running > 0),
    rate_per_second double precision CHECK (rate_per_second > 0),
    rate_burst integer CHECK (rate_burst > 0),
    -- How far the rate is used up where tasks are claimed without the relay.
    rate_used_until timestamptz,
    paused_at timestamptz,
    pause_reason text,
    -- The pause ends by itself then; NULL: when somebody ends it.
    paused_until timestamptz,
    -- A provider asked for it.
    slowed_until timestamptz,
    slow_reason text,
    PRIMARY KEY (scope, name, queue),
    CHECK ((rate_per_second IS NULL) = (rate_burst IS NULL))
) WITH (fillfactor = 50);
-- A tenant's session sees controls of itself, of queues and of kinds.
ALTER TABLE controls ENABLE ROW LEVEL SECURITY;
ALTER TABLE controls FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_scope ON controls
    USING (scope <> 'tenant' OR (SELECT current_setting('sluice.tenant', true)) IN ('*', name));
CREATE INDEX controls_queue_idx ON controls (queue);

INSERT INTO controls (scope, name, queue, max_running, paused_at, pause_reason)
SELECT 'queue', name, name, max_running, paused_at, pause_reason FROM queues
WHERE max_running IS NOT NULL OR paused_at IS NOT NULL;
INSERT INTO controls (scope, name, queue, paused_at)
SELECT 'tenant', id, '*', paused_at FROM tenants WHERE paused_at IS NOT NULL;
ALTER TABLE queues DROP COLUMN paused_at, DROP COLUMN pause_reason, DROP COLUMN max_running;
ALTER TABLE tenants DROP COLUMN paused_at;

-- Tasks that are equal in all but the last two columns are a stream: its head is one descent away, and so is the next stream.
-- Takes the place of the former index: the hot table has as many as before.
CREATE INDEX tasks_streams_idx ON tasks (queue, tenant_id, kind, priority, run_at, id) WHERE state = 'available';
DROP INDEX tasks_available_idx;
