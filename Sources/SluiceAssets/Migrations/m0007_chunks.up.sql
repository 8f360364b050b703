-- Chunks of live document versions, and the embedding cache.
-- Locks: none on existing tables. Safe on a full database: yes.
-- Needs the extension vector 0.8.4 or newer; CREATE EXTENSION is left to the administrator where the role may not do it.

CREATE TABLE chunks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    document_id bigint NOT NULL REFERENCES documents ON DELETE CASCADE,
    ordinal integer NOT NULL,
    -- Half-open, in Unicode scalars of the document's text.
    char_from integer NOT NULL,
    char_to integer NOT NULL,
    -- 1-based; NULL for formats without pages.
    page_from integer,
    page_to integer,
    heading_path text[] NOT NULL DEFAULT '{}',
    -- SHA-256 of the embedded text: equal hash, equal vector.
    content_hash bytea NOT NULL,
    text text NOT NULL
);
SELECT sluice_isolate('chunks');
CREATE INDEX chunks_document_idx ON chunks (document_id, ordinal);

-- By tenant as well: what one tenant embedded is no business of another, and an erased tenant leaves nothing.
CREATE TABLE embedding_cache (
    tenant_id text NOT NULL,
    model_fingerprint text NOT NULL,
    content_hash bytea NOT NULL,
    embedding halfvec NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, model_fingerprint, content_hash)
);
ALTER TABLE embedding_cache ALTER COLUMN embedding SET STORAGE PLAIN;
SELECT sluice_isolate('embedding_cache');

-- Makes the narrow table of one index version, without its HNSW index, which the task index.build makes.
CREATE FUNCTION sluice_create_embeddings(version bigint, dimension integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'embeddings_g' || version;
BEGIN
    EXECUTE format(
        'CREATE TABLE %I (chunk_id bigint PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, tenant_id text NOT NULL, '
        'content_hash bytea NOT NULL, embedding halfvec(%s) NOT NULL)', name, dimension
    );
    EXECUTE format('ALTER TABLE %I ALTER COLUMN embedding SET STORAGE PLAIN', name);
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id)', name || '_tenant_idx', name);
    PERFORM sluice_isolate(name::regclass);
END $$;
