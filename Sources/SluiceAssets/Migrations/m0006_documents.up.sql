-- Documents, their versions, chunks, the stage of versions under way, and the embedding cache.
-- Locks: none on existing tables. Safe on a full database: yes.

CREATE TABLE documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants,
    index_id bigint NOT NULL REFERENCES indexes,
    uri text NOT NULL,
    -- queued, processing (a version is under way), live, failed; with a live version the old one answers meanwhile.
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'processing', 'live', 'failed')),
    -- How the last extraction ended: ok, empty, needs_ocr, encrypted, corrupt, too_large, timeout, crashed(n), unsupported.
    outcome text,
    outcome_detail text,
    live_version bigint,
    task_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, index_id, uri)
);
SELECT sluice_isolate('documents');
CREATE INDEX documents_index_idx ON documents (index_id, state);

CREATE TABLE document_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    document_id bigint NOT NULL REFERENCES documents ON DELETE CASCADE,
    number integer NOT NULL,
    state text NOT NULL CHECK (state IN ('embedding', 'live', 'superseded', 'abandoned')),
    content_sha256 bytea NOT NULL,
    byte_count bigint NOT NULL,
    -- Parser, chunker and model: equal bytes and equal fingerprint mean nothing to do.
    fingerprint text NOT NULL,
    media_type text NOT NULL,
    title text,
    author text,
    source_created_at timestamptz,
    source_modified_at timestamptz,
    page_count integer NOT NULL,
    character_count bigint NOT NULL,
    chunk_count integer NOT NULL DEFAULT 0,
    chunks_kept integer NOT NULL DEFAULT 0,
    chunks_cached integer NOT NULL DEFAULT 0,
    chunks_embedded integer NOT NULL DEFAULT 0,
    -- chunks.embed tasks still to settle before this version goes live.
    embeds_pending integer NOT NULL DEFAULT 0 CHECK (embeds_pending >= 0),
    batch_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    live_at timestamptz,
    UNIQUE (document_id, number)
);
SELECT sluice_isolate('document_versions');
CREATE INDEX document_versions_batch_idx ON document_versions (batch_id) WHERE batch_id IS NOT NULL;

-- Chunks of versions that are not live yet. Moved to chunks in the transaction that makes the version live.
CREATE TABLE staged_chunks (
    version_id bigint NOT NULL REFERENCES document_versions ON DELETE CASCADE,
    ordinal integer NOT NULL,
    -- 0, or the piece's number when a chunk was longer than the model's limit and was split again.
    part smallint NOT NULL DEFAULT 0,
    tenant_id text NOT NULL,
    char_from integer NOT NULL,
    char_to integer NOT NULL,
    page_from integer,
    page_to integer,
    heading_path text[] NOT NULL DEFAULT '{}',
    content_hash bytea NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (version_id, ordinal, part)
);
SELECT sluice_isolate('staged_chunks');

-- Which documents an ingest was asked for, and how each ended there.
CREATE TABLE batch_documents (
    batch_id bigint NOT NULL REFERENCES batches ON DELETE CASCADE,
    document_id bigint NOT NULL REFERENCES documents ON DELETE CASCADE,
    tenant_id text NOT NULL,
    task_id bigint NOT NULL,
    -- ok, unchanged, or the outcome that left it without text; NULL while under way or dead.
    result text,
    PRIMARY KEY (batch_id, document_id)
);
SELECT sluice_isolate('batch_documents');
CREATE INDEX batch_documents_open_idx ON batch_documents (document_id) WHERE result IS NULL;
