DROP FUNCTION sluice_count_terms(text, bigint, bigint);
DROP INDEX chunk_terms_idx;
