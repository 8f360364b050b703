-- What operators did to many tasks at once.
-- Locks: SHARE on document_versions while it is read once. Safe on a full database: yes.

CREATE TABLE audit_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- user@host, as the operator's machine says.
    who text NOT NULL,
    -- 'dlq retry', 'batches cancel', 'prune'…
    command text NOT NULL,
    -- The filter that chose what it acted on, by option.
    filter jsonb NOT NULL DEFAULT '{}',
    -- Rows acted on so far: one event is kept up to date while its command works in chunks.
    count bigint NOT NULL DEFAULT 0,
    reason text,
    -- NULL while under way, or when the command was interrupted.
    ended_at timestamptz
);

-- For pruning.
CREATE INDEX document_versions_old_idx ON document_versions (created_at) WHERE state IN ('superseded', 'abandoned');
CREATE INDEX embedding_cache_age_idx ON embedding_cache (created_at);
