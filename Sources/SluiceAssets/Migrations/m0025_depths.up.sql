-- How many tasks deep queues hold, counted by the leader now and then, because `status` must not count a million rows.
-- Locks: none on existing tables. Safe on a full database: yes.

CREATE TABLE queue_depths (
    queue text NOT NULL,
    state text NOT NULL,
    tasks bigint NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, state)
);
