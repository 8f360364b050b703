ALTER TABLE chunk_sets DROP COLUMN removed_to;
