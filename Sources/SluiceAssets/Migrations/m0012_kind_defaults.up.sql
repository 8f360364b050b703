-- What enqueue() takes for what its caller does not say, by kind.
-- Locks: none on existing tables. Safe on a full database: yes.

-- Rows for your own kinds are yours to add: by SQL, or by a worker of the library that registers them at its start.
CREATE TABLE kind_defaults (
    kind text PRIMARY KEY CHECK (kind ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    queue text NOT NULL CHECK (queue ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    max_attempts smallint NOT NULL DEFAULT 10 CHECK (max_attempts > 0),
    timeout_seconds integer NOT NULL DEFAULT 60 CHECK (timeout_seconds > 0),
    payload_version smallint NOT NULL DEFAULT 1,
    -- Top-level fields of the payload that stay readable beside its seal when payloads are encrypted.
    routing_fields text[] NOT NULL DEFAULT '{}'
);
INSERT INTO kind_defaults (kind, queue, max_attempts, timeout_seconds, routing_fields) VALUES
    ('document.ingest', 'ingestion', 3, 600, '{}'),
    ('chunks.embed', 'embedding', 8, 900, '{version}'),
    ('index.build', 'maintenance', 5, 21600, '{}'),
    ('noop', 'maintenance', 10, 60, '{}');
