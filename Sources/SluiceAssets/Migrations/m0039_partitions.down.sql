DO $$ BEGIN
    IF EXISTS (
        SELECT FROM index_versions JOIN pg_class ON oid = to_regclass('embeddings_g' || index_versions.id) WHERE relkind = 'p'
    ) THEN
        RAISE EXCEPTION 'sluice: an index version has partitions'
            USING HINT = 'Rebuild the index with --partition-above 0, swap, and retire the version with partitions first.';
    END IF;
END $$;
DROP FUNCTION sluice_hnsw_valid;
DROP FUNCTION sluice_embeddings;
CREATE OR REPLACE FUNCTION sluice_create_embeddings(version bigint, dimension integer, storage text DEFAULT 'halfvec') RETURNS void
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
DROP TABLE index_partitions;
ALTER TABLE index_versions DROP COLUMN partition_above, DROP COLUMN partitions_at_most;
