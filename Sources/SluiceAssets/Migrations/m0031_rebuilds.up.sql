-- What rebuilds of index versions note of themselves, so that each step can be taken again after a crash.
-- Locks: ACCESS EXCLUSIVE on index_versions and document_versions for milliseconds, no rewrite. Safe on a full database: yes.

ALTER TABLE index_versions
    ADD COLUMN storage text NOT NULL DEFAULT 'halfvec' CHECK (storage IN ('halfvec', 'vector')),
    -- Swapped in by itself once its gates say GO.
    ADD COLUMN auto_swap boolean NOT NULL DEFAULT false,
    -- How long it is written to after a swap took its place.
    ADD COLUMN soak_seconds integer NOT NULL DEFAULT 86400 CHECK (soak_seconds >= 0),
    ADD COLUMN soak_until timestamptz,
    ADD COLUMN state_at timestamptz NOT NULL DEFAULT now(),
    -- Chunks up to this id have been looked at by the present pass: their vectors are there, or a task brings them.
    ADD COLUMN backfill_cursor bigint NOT NULL DEFAULT 0,
    ADD COLUMN passes integer NOT NULL DEFAULT 0,
    -- Chunks of the index when it began; vectors copied and embedded since.
    ADD COLUMN rows_planned bigint NOT NULL DEFAULT 0,
    ADD COLUMN rows_copied bigint NOT NULL DEFAULT 0,
    ADD COLUMN rows_embedded bigint NOT NULL DEFAULT 0,
    -- Why it does not go on, or did not.
    ADD COLUMN problem text,
    ADD COLUMN dropped_at timestamptz,
    -- What an HNSW index takes of either type.
    ADD CHECK (storage = 'halfvec' OR dimension <= 2000);

-- The model that the version's chunks.embed tasks embed with: a swap may change the index's meanwhile. NULL: the index's.
ALTER TABLE document_versions ADD COLUMN model_fingerprint text, ADD COLUMN model_dimension integer;

INSERT INTO kind_defaults (kind, queue, max_attempts, timeout_seconds, routing_fields) VALUES
    ('index.embed', 'embedding', 8, 900, '{version}'),
    ('index.rebuild', 'maintenance', 20, 21600, '{}'),
    ('index.retire', 'maintenance', 20, 600, '{}')
ON CONFLICT (kind) DO NOTHING;

DROP FUNCTION sluice_create_embeddings(bigint, integer);

-- Makes the narrow table of one index version, without its HNSW index, which is built once it is full.
CREATE FUNCTION sluice_create_embeddings(version bigint, dimension integer, storage text DEFAULT 'halfvec') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    name text := 'embeddings_g' || version;
BEGIN
    IF storage NOT IN ('halfvec', 'vector') THEN
        RAISE EXCEPTION 'sluice: no such type of vectors' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format(
        'CREATE TABLE %I (chunk_id bigint PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, tenant_id text NOT NULL, '
        'content_hash bytea NOT NULL, embedding %s(%s) NOT NULL)', name, storage, dimension
    );
    EXECUTE format('ALTER TABLE %I ALTER COLUMN embedding SET STORAGE PLAIN', name);
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id)', name || '_tenant_idx', name);
    PERFORM sluice_isolate(name::regclass);
END $$;
