ALTER TABLE indexes DROP COLUMN live_version;
DROP TABLE index_events;
DO $$
DECLARE version bigint;
BEGIN
    FOR version IN SELECT id FROM index_versions LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I', 'embeddings_g' || version);
    END LOOP;
END $$;
DROP TABLE index_versions;
DROP TABLE indexes;
