-- Index versions whose largest tenants have a partition of their own.
-- Locks: ACCESS EXCLUSIVE on index_versions for milliseconds, no rewrite. Safe on a full database: yes.

ALTER TABLE index_versions
    -- Tenants with more chunks when the version was registered get one, the largest first; NULL: it is one plain table.
    ADD COLUMN partition_above bigint CHECK (partition_above > 0),
    ADD COLUMN partitions_at_most integer CHECK (partitions_at_most BETWEEN 1 AND 256),
    ADD CHECK ((partition_above IS NULL) = (partitions_at_most IS NULL));

-- Whose embeddings_g<version_id>_p<number> is. All others share embeddings_g<version_id>_p0.
CREATE TABLE index_partitions (
    version_id bigint NOT NULL REFERENCES index_versions ON DELETE CASCADE,
    number integer NOT NULL CHECK (number > 0),
    tenant_id text NOT NULL REFERENCES tenants,
    PRIMARY KEY (version_id, number),
    UNIQUE (version_id, tenant_id)
);
SELECT sluice_isolate('index_partitions');

-- Makes the narrow table of one index version, with the partitions that its row and index_partitions want, and without HNSW
-- indexes, which are built once it is full.
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

-- The tables that hold a version's vectors: its only one, or its partitions. None when it has none.
CREATE FUNCTION sluice_embeddings(version bigint) RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT oid::regclass FROM pg_class WHERE oid = to_regclass('embeddings_g' || version) AND relkind = 'r'
    UNION ALL SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = to_regclass('embeddings_g' || version)
$$;

-- Whether every one of them has a valid HNSW index; NULL when none has any.
CREATE FUNCTION sluice_hnsw_valid(version bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN count(indexrelid) > 0 THEN bool_and(coalesce(indisvalid AND indisready, false)) END
    FROM sluice_embeddings(version) AS leaf JOIN pg_class ON pg_class.oid = leaf
    LEFT JOIN pg_index ON indexrelid = to_regclass(quote_ident(relname || '_hnsw_idx'))
$$;
