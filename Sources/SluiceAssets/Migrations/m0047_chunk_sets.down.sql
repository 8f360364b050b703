-- Refused while an index has a second set: its chunks would answer beside the first's.
DO $$ BEGIN
    IF EXISTS (SELECT FROM index_versions WHERE chunk_set <> 1 AND dropped_at IS NULL)
        OR EXISTS (SELECT FROM chunk_sets WHERE number <> 1 AND dropped_at IS NULL)
    THEN
        RAISE EXCEPTION 'sluice: an index has chunks of another set than its first' USING ERRCODE = 'object_in_use',
            HINT = 'Abort or retire the versions of other sets first: workerctl indexes ls.';
    END IF;
END $$;
DROP FUNCTION sluice_word_space(bigint, integer);
DROP TABLE document_texts;
ALTER TABLE staged_chunks DROP COLUMN chunk_set;
ALTER TABLE chunks DROP COLUMN chunk_set;
ALTER TABLE index_versions DROP COLUMN chunk_set, DROP COLUMN document_cursor;
DROP TABLE chunk_sets;
