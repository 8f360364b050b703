DROP TRIGGER chunks_terms ON chunks;
DROP FUNCTION sluice_add_terms();
DROP FUNCTION sluice_terms(text, bigint, regconfig, text);
DROP TABLE term_frequencies;
DROP TABLE term_statistics;
DROP TABLE chunk_terms;
ALTER TABLE indexes DROP COLUMN language;
