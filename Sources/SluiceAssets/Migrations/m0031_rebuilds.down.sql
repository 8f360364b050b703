DROP FUNCTION sluice_create_embeddings(bigint, integer, text);
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
DELETE FROM kind_defaults WHERE kind IN ('index.embed', 'index.rebuild', 'index.retire');
ALTER TABLE document_versions DROP COLUMN model_fingerprint, DROP COLUMN model_dimension;
ALTER TABLE index_versions
    DROP COLUMN storage, DROP COLUMN auto_swap, DROP COLUMN soak_seconds, DROP COLUMN soak_until, DROP COLUMN state_at,
    DROP COLUMN backfill_cursor, DROP COLUMN passes, DROP COLUMN rows_planned, DROP COLUMN rows_copied,
    DROP COLUMN rows_embedded, DROP COLUMN problem, DROP COLUMN dropped_at;
