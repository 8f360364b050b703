DROP FUNCTION sluice_create_embeddings(bigint, integer);
DROP TABLE embedding_cache;
DROP TABLE chunks CASCADE;
