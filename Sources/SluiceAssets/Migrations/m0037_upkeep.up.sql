-- Targets of freshness with what was measured, and the kinds of maintenance tasks, so that schedules need not say their queue.
-- Locks: none on existing tables. Safe on a full database: yes.

CREATE TABLE freshness_targets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    -- What URIs begin with, 'https://example.org/' or 'file:///srv/'; '' are all.
    source text NOT NULL,
    -- How long ago a document's source may have been read last.
    max_age_seconds bigint NOT NULL CHECK (max_age_seconds > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, source)
);
SELECT sluice_isolate('freshness_targets');

CREATE TABLE freshness_readings (
    target_id bigint NOT NULL REFERENCES freshness_targets ON DELETE CASCADE,
    tenant_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    documents bigint NOT NULL,
    stale bigint NOT NULL,
    -- NULL without documents.
    oldest_seconds double precision,
    PRIMARY KEY (target_id, at)
);
SELECT sluice_isolate('freshness_readings');
CREATE INDEX freshness_readings_age_idx ON freshness_readings (at);

INSERT INTO kind_defaults (kind, queue, max_attempts, timeout_seconds) VALUES
    ('retention.sweep', 'maintenance', 5, 3600),
    ('index.compact', 'maintenance', 5, 21600),
    ('freshness.check', 'maintenance', 3, 1800),
    ('statistics.refresh', 'maintenance', 3, 7200),
    ('cache.warm', 'maintenance', 3, 3600),
    ('backup.create', 'maintenance', 3, 21600),
    ('index.isolate', 'maintenance', 5, 21600)
ON CONFLICT (kind) DO NOTHING;
