-- Several ways of cutting an index's documents beside each other: each of its versions reads one set of chunks. And the text of
-- documents, so that they can be cut anew without being read anew.
-- Locks: ACCESS EXCLUSIVE on chunks, staged_chunks and index_versions for milliseconds once the writers under way have ended; constant
-- defaults, no rewrite, no index. Safe on a full database: yes. Workers older than this know one set only: they must be gone before
-- the first rebuild with another chunker.

CREATE TABLE chunk_sets (
    index_id bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
    -- From 1, within its index; never used again.
    number integer NOT NULL CHECK (number BETWEEN 1 AND 1000000),
    -- Algorithm and all parameters: what cuts a set's documents, whatever a worker's own settings say.
    chunker_fingerprint text NOT NULL,
    -- In characters, for operators; NULL where the fingerprint does not say.
    chunk_size integer,
    chunk_overlap integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When its last chunk was removed.
    dropped_at timestamptz,
    PRIMARY KEY (index_id, number)
);
INSERT INTO chunk_sets (index_id, number, chunker_fingerprint, chunk_size, chunk_overlap)
SELECT DISTINCT ON (index_id) index_id, 1, chunker_fingerprint,
    substring(chunker_fingerprint FROM ' size=([0-9]{1,9}) ')::integer,
    substring(chunker_fingerprint FROM ' overlap=([0-9]{1,9}) ')::integer
FROM index_versions ORDER BY index_id, state = 'live' DESC, number DESC;

ALTER TABLE index_versions
    ADD COLUMN chunk_set integer NOT NULL DEFAULT 1,
    -- Documents up to this id have been looked at by the present pass that cuts them; NULL: others have filled the set.
    ADD COLUMN document_cursor bigint,
    ADD FOREIGN KEY (index_id, chunk_set) REFERENCES chunk_sets;
ALTER TABLE chunks ADD COLUMN chunk_set integer NOT NULL DEFAULT 1;
-- NULL: the first, as workers from before say it. Sets follow each other in the ordinals of a version.
ALTER TABLE staged_chunks ADD COLUMN chunk_set integer DEFAULT 1;

-- Of versions under way and of the live one; documents from before this migration have none until they are read again.
CREATE TABLE document_texts (
    document_id bigint NOT NULL REFERENCES documents ON DELETE CASCADE,
    version_id bigint NOT NULL,
    tenant_id text NOT NULL,
    -- Where each page begins, in Unicode scalars of the text; empty for formats without pages.
    page_starts integer[] NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (document_id, version_id)
);
SELECT sluice_isolate('document_texts');
DO $$ BEGIN
    ALTER TABLE document_texts ALTER COLUMN text SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    -- A server built without lz4 keeps its own compression.
    NULL;
END $$;

-- What the words of a set's chunks are seeded by: the index, as it always was, for the first set. Words of different sets so never
-- meet in the index of words.
CREATE FUNCTION sluice_word_space(index bigint, chunk_set integer) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$
    SELECT index + ((chunk_set - 1)::bigint << 40)
$$;
