-- Schedules, and what became of each of their fires.
-- Locks: SHARE ROW EXCLUSIVE on tenants and queues for milliseconds, for the references. Safe on a full database: yes.

CREATE TABLE schedules (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    -- Five cron fields, a shorthand such as @daily, or '@every 15m'.
    rule text NOT NULL,
    time_zone text NOT NULL DEFAULT 'UTC',

    -- The task that a fire enqueues.
    queue text NOT NULL CONSTRAINT schedules_queue_known REFERENCES queues,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    payload_version smallint NOT NULL DEFAULT 1,
    -- Under this key the payload gets the time of the fire, RFC 3339 in UTC.
    fire_time_key text CHECK (fire_time_key IS NULL OR jsonb_typeof(payload) = 'object'),
    priority smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 9),
    max_attempts smallint NOT NULL DEFAULT 10 CHECK (max_attempts > 0),
    timeout_seconds integer NOT NULL DEFAULT 60 CHECK (timeout_seconds > 0),

    -- What becomes of fires that nobody was there for: none runs, the last one, or all (the newest catch_up_limit).
    catch_up text NOT NULL DEFAULT 'latest' CHECK (catch_up IN ('skip', 'latest', 'all')),
    catch_up_limit integer NOT NULL DEFAULT 100 CHECK (catch_up_limit BETWEEN 1 AND 1000),
    -- What becomes of a fire while an earlier one's task is live: it runs too, is skipped, or one waits.
    overlap text NOT NULL DEFAULT 'allow' CHECK (overlap IN ('allow', 'skip', 'queue_one')),

    paused_at timestamptz,
    pause_reason text,
    -- NULL: never again.
    next_fire_at timestamptz,
    -- The one that waits for an earlier one's task to settle.
    waiting_fire_at timestamptz,
    last_fire_at timestamptz,
    -- Why the leader cannot fire it, and until when it does not try again.
    problem text,
    problem_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name)
);
SELECT sluice_isolate('schedules');
CREATE INDEX schedules_due_idx ON schedules (next_fire_at) WHERE paused_at IS NULL;
CREATE INDEX schedules_waiting_idx ON schedules (id) WHERE waiting_fire_at IS NOT NULL;

CREATE TABLE schedule_fires (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id bigint NOT NULL REFERENCES schedules ON DELETE CASCADE,
    tenant_id text NOT NULL,
    -- When it was due; of a trigger, when it was asked for.
    fire_time timestamptz NOT NULL,
    -- NULL: skipped, or waiting.
    task_id bigint,
    how text NOT NULL CHECK (how IN ('cron', 'trigger', 'backfill', 'skipped')),
    reason text,
    -- True until the task is found settled. Kept only where overlaps are not allowed.
    unsettled boolean NOT NULL DEFAULT false,
    fired_at timestamptz NOT NULL DEFAULT now()
);
SELECT sluice_isolate('schedule_fires');
-- A fire happens once, whoever leads and however often it is backfilled. A skipped one may be made up for.
CREATE UNIQUE INDEX schedule_fires_once_idx ON schedule_fires (schedule_id, fire_time) WHERE how IN ('cron', 'backfill');
CREATE INDEX schedule_fires_recent_idx ON schedule_fires (schedule_id, id DESC);
CREATE INDEX schedule_fires_unsettled_idx ON schedule_fires (schedule_id) WHERE unsettled;
CREATE INDEX schedule_fires_age_idx ON schedule_fires (fired_at);
