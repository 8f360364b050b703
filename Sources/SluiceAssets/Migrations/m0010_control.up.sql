-- What operators ask of tasks and workers, what handlers report, and suspects of crashes.
-- Locks: ACCESS EXCLUSIVE on three tables for milliseconds, no rewrite; SHARE on tasks while it is read twice.
-- Safe on a full database: yes.

-- Set while the task runs: its worker is told to stop it, and it never runs again.
ALTER TABLE tasks ADD COLUMN cancel_reason text;
-- What the handler said last, and under which claim: another attempt's is of no interest.
ALTER TABLE tasks ADD COLUMN progress_token bigint;
ALTER TABLE tasks ADD COLUMN progress_done bigint;
ALTER TABLE tasks ADD COLUMN progress_total bigint;
ALTER TABLE tasks ADD COLUMN progress_message text;
ALTER TABLE tasks ADD COLUMN progress_at timestamptz;
-- A process ended while it held the task: it runs with nothing beside it until it has survived that or is found guilty.
ALTER TABLE tasks ADD COLUMN suspect boolean NOT NULL DEFAULT false;
-- Processes that ended while nothing but this task ran in them.
ALTER TABLE tasks ADD COLUMN solo_crashes smallint NOT NULL DEFAULT 0;
CREATE INDEX tasks_cancel_idx ON tasks (lease_owner) WHERE cancel_reason IS NOT NULL;
CREATE INDEX tasks_suspects_idx ON tasks (queue, run_at, id) WHERE suspect AND state = 'available';

-- Not raised by a bulk retry unless it is asked for: it killed workers, or its kind's rules say so.
ALTER TABLE dead_letters ADD COLUMN quarantined boolean NOT NULL DEFAULT false;

-- What an operator asked of the worker; it learns of it with its next renewal.
ALTER TABLE workers ADD COLUMN request text CHECK (request IN ('live', 'quiet', 'drain'));
-- How many tasks it held when its lease was found to have run out: alone with one, that one is to blame.
ALTER TABLE workers ADD COLUMN lost_with integer;
