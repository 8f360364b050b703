-- Canaries: a share of an index's questions is answered by the version that waits to be swapped in.
-- Locks: none on existing tables. Safe on a full database: yes.

CREATE TABLE index_canaries (
    index_id bigint PRIMARY KEY REFERENCES indexes ON DELETE CASCADE,
    -- Answers only while it is ready: swapped in, or failed, it is no canary any more.
    version_id bigint NOT NULL REFERENCES index_versions ON DELETE CASCADE,
    percent integer NOT NULL CHECK (percent BETWEEN 1 AND 100),
    share_by text NOT NULL CHECK (share_by IN ('tenant', 'question')),
    started_at timestamptz NOT NULL DEFAULT now()
);

-- What readers report while there is a canary, of it and of the live version.
CREATE TABLE canary_counts (
    index_id bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
    version_id bigint NOT NULL,
    searches bigint NOT NULL,
    errors bigint NOT NULL,
    empty bigint NOT NULL,
    -- Searches by how long they took: place n, from 0, counts those below 1.3^(n+1) milliseconds.
    waits bigint[] NOT NULL,
    PRIMARY KEY (index_id, version_id)
);
