-- Incarnations of workers and coordinators, and who leads.
-- Locks: none on existing tables. Safe on a full database: yes.
--
-- The lease of a claimed task is its worker's: one row renewed every 5 s holds all of a worker's tasks, so a renewal costs
-- the same for one task and for a thousand, and the hot table is not rewritten. What fences a task is its lease_token.

CREATE TABLE workers (
    id uuid PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('worker', 'coordinator')),
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    queues text[] NOT NULL DEFAULT '{}',
    concurrency integer NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'quiet', 'draining', 'lost', 'stopped')),
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    lease_expires_at timestamptz NOT NULL,
    -- What the worker says of itself with each renewal.
    running integer NOT NULL DEFAULT 0,
    resident_bytes bigint NOT NULL DEFAULT 0,
    degraded boolean NOT NULL DEFAULT false,
    stale_settlements bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

CREATE TABLE leader (
    -- One row, for ever.
    name text PRIMARY KEY CHECK (name = 'coordinator'),
    holder uuid,
    term bigint NOT NULL DEFAULT 0,
    acquired_at timestamptz,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    -- Written by the leader for operators.
    relayed_at timestamptz,
    swept_at timestamptz,
    rescued bigint NOT NULL DEFAULT 0,
    relay_lag_seconds double precision
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
INSERT INTO leader (name) VALUES ('coordinator');
