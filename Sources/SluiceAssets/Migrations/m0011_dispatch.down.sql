CREATE INDEX tasks_available_idx ON tasks (queue, priority, run_at, id) WHERE state = 'available';
DROP INDEX tasks_streams_idx;
ALTER TABLE tenants ADD COLUMN paused_at timestamptz;
ALTER TABLE queues ADD COLUMN paused_at timestamptz, ADD COLUMN pause_reason text,
    ADD COLUMN max_running integer CHECK (max_running > 0);
UPDATE queues SET paused_at = controls.paused_at, pause_reason = controls.pause_reason, max_running = controls.max_running
FROM controls WHERE controls.scope = 'queue' AND controls.name = queues.name;
UPDATE tenants SET paused_at = controls.paused_at
FROM controls WHERE controls.scope = 'tenant' AND controls.queue = '*' AND controls.name = tenants.id;
DROP TABLE controls;
