-- Gates of index versions: thresholds, golden queries, and runs with their evidence.
-- Locks: ACCESS EXCLUSIVE on indexes for milliseconds, no rewrite. Safe on a full database: yes.

-- Advances whenever the index's golden queries change: evidence from before is stale then.
ALTER TABLE indexes ADD COLUMN golden_revision bigint NOT NULL DEFAULT 0;

INSERT INTO kind_defaults (kind, queue, max_attempts, timeout_seconds, routing_fields) VALUES
    ('index.verify', 'maintenance', 5, 3600, '{}')
ON CONFLICT (kind) DO NOTHING;

CREATE TABLE gate_thresholds (
    index_id bigint PRIMARY KEY REFERENCES indexes ON DELETE CASCADE,
    -- Those that differ from the defaults: name to number.
    changed jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gate_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version_id bigint NOT NULL REFERENCES index_versions ON DELETE CASCADE,
    -- What it was compared with; NULL when it was the live version itself, or the first.
    compared_id bigint,
    kind text NOT NULL CHECK (kind IN ('gates', 'eval', 'drift')),
    verdict text NOT NULL CHECK (verdict IN ('go', 'no_go', 'inconclusive')),
    at timestamptz NOT NULL DEFAULT now(),
    seconds float8 NOT NULL,
    -- What the version looked like when measuring began: a change of these makes the run stale.
    epoch bigint NOT NULL,
    -- Microseconds since 1970.
    indexed_micros bigint,
    vectors bigint NOT NULL,
    newest_chunk bigint NOT NULL,
    thresholds text[] NOT NULL,
    golden_revision bigint NOT NULL,
    -- Repeats the sample.
    seed bigint NOT NULL
);
CREATE INDEX gate_runs_version_idx ON gate_runs (version_id, kind, id DESC);

CREATE TABLE gate_results (
    run_id bigint NOT NULL REFERENCES gate_runs ON DELETE CASCADE,
    position smallint NOT NULL,
    gate text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('passed', 'failed', 'inconclusive', 'not_applicable')),
    measured float8,
    threshold float8,
    -- {"note": …, "figures": [{"name": …, "slice": …, "value": …}]}
    detail jsonb NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE golden_sets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    index_id bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    -- Of what was imported: the same again changes nothing.
    digest bytea NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (index_id, name)
);

CREATE TABLE golden_queries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    set_id bigint NOT NULL REFERENCES golden_sets ON DELETE CASCADE,
    tenant_id text NOT NULL,
    slice text NOT NULL,
    query text NOT NULL
);
SELECT sluice_isolate('golden_queries');
CREATE INDEX golden_queries_set_idx ON golden_queries (set_id, id);

-- What answers a query: a document by its URI, or by the last part of it, or a page of either.
CREATE TABLE golden_relevant (
    query_id bigint NOT NULL REFERENCES golden_queries ON DELETE CASCADE,
    position integer NOT NULL,
    tenant_id text NOT NULL,
    uri text,
    document text,
    page integer CHECK (page > 0),
    grade float8 NOT NULL CHECK (grade > 0 AND grade <= 1000),
    CHECK ((uri IS NULL) <> (document IS NULL)),
    PRIMARY KEY (query_id, position)
);
SELECT sluice_isolate('golden_relevant');
