DO $$ BEGIN
    IF EXISTS (
        SELECT FROM index_versions JOIN pg_class ON oid = to_regclass('embeddings_g' || index_versions.id) WHERE relkind = 'p'
    ) THEN
        RAISE EXCEPTION 'sluice: an index version has partitions'
            USING HINT = 'Rebuild the index with --partition-above 0, swap, and retire the version with partitions first.';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION sluice_create_embeddings(version bigint, dimension integer, storage text DEFAULT 'halfvec')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'embeddings_g' || version;
    shared text := name;
    is_partitioned boolean := EXISTS (SELECT FROM index_versions WHERE id = version AND partition_above IS NOT NULL);
    own record;
BEGIN
    IF storage NOT IN ('halfvec', 'vector') THEN
        RAISE EXCEPTION 'sluice: no such type of vectors' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format(
        'CREATE TABLE %I (chunk_id bigint NOT NULL REFERENCES chunks ON DELETE CASCADE, tenant_id text NOT NULL, '
        'content_hash bytea NOT NULL, embedding %s(%s) NOT NULL, PRIMARY KEY (chunk_id%s)) %s', name, storage, dimension,
        CASE WHEN is_partitioned THEN ', tenant_id' END, CASE WHEN is_partitioned THEN 'PARTITION BY LIST (tenant_id)' END
    );
    EXECUTE format('ALTER TABLE %I ALTER COLUMN embedding SET STORAGE PLAIN', name);
    PERFORM sluice_isolate(name::regclass);
    IF is_partitioned THEN
        -- Held: whoever erases the tenant has taken its row away before, or waits and finds the partition.
        FOR own IN SELECT number, tenant_id FROM index_partitions WHERE version_id = version ORDER BY number FOR UPDATE LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%L)', name || '_p' || own.number, name, own.tenant_id);
            PERFORM sluice_isolate((name || '_p' || own.number)::regclass);
        END LOOP;
        shared := name || '_p0';
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', shared, name);
        PERFORM sluice_isolate(shared::regclass);
    END IF;
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id)', shared || '_tenant_idx', shared);
END $$;
DROP INDEX IF EXISTS chunks_tenant_key;
