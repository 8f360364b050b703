-- The index registry: a row names the live version, its query model, and an epoch that every swap advances.
-- Locks: none on existing tables. Safe on a full database: yes.

CREATE TABLE indexes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    live_version bigint,
    -- Fingerprint of the model that embeds queries: in the same row as the pointer, so the two can never disagree.
    query_model text,
    epoch bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE index_versions (
    -- Also the suffix of its table, embeddings_g<id>.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    index_id bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
    number integer NOT NULL CHECK (number > 0),
    state text NOT NULL CHECK (state IN (
        'planned', 'building', 'indexing', 'validating', 'ready', 'live', 'soaking', 'retired', 'failed', 'aborted'
    )),
    model_fingerprint text NOT NULL,
    chunker_fingerprint text NOT NULL,
    dimension integer NOT NULL CHECK (dimension BETWEEN 1 AND 4000),
    hnsw_m integer NOT NULL DEFAULT 16 CHECK (hnsw_m BETWEEN 2 AND 100),
    hnsw_ef_construction integer NOT NULL DEFAULT 64 CHECK (hnsw_ef_construction BETWEEN 4 AND 1000),
    -- When the HNSW index was last built and found valid.
    indexed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (index_id, number)
);
CREATE UNIQUE INDEX index_versions_live_idx ON index_versions (index_id) WHERE state = 'live';
CREATE UNIQUE INDEX index_versions_building_idx ON index_versions (index_id)
    WHERE state IN ('planned', 'building', 'indexing', 'validating', 'ready');
ALTER TABLE indexes ADD FOREIGN KEY (live_version) REFERENCES index_versions;

CREATE TABLE index_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    index_id bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
    version_id bigint,
    event text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX index_events_idx ON index_events (index_id, id DESC);
