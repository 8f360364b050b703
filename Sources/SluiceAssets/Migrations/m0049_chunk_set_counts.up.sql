-- Statistics of words by chunk set.
-- Locks: ACCESS EXCLUSIVE on term_statistics and term_frequencies while their keys are built anew: they hold what large tenants say often,
-- about a second for a million rows. Safe on a full database: yes.

ALTER TABLE term_statistics
    ADD COLUMN chunk_set integer NOT NULL DEFAULT 1,
    -- What the tenant's document versions said of their chunks when it was counted, which is of the set that answered when they went
    -- live; NULL: as many as were counted.
    ADD COLUMN stated bigint,
    DROP CONSTRAINT term_statistics_pkey,
    ADD PRIMARY KEY (tenant_id, index_id, chunk_set);
ALTER TABLE term_frequencies
    ADD COLUMN chunk_set integer NOT NULL DEFAULT 1,
    DROP CONSTRAINT term_frequencies_pkey,
    ADD PRIMARY KEY (tenant_id, index_id, chunk_set, term);

DROP FUNCTION sluice_count_terms(text, bigint, bigint);

-- Counts anew what many chunks of a tenant's set hold; for a tenant with fewer than `minimum` nothing is kept of it.
CREATE FUNCTION sluice_count_terms(
    tenant text, index bigint, minimum bigint, set_number integer DEFAULT 1, said bigint DEFAULT NULL
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    known bigint;
    mean float8;
BEGIN
    SELECT count(*), avg(chunk_terms.length) INTO known, mean
    FROM documents JOIN chunks ON chunks.document_id = documents.id AND chunks.chunk_set = set_number
    JOIN chunk_terms ON chunk_terms.chunk_id = chunks.id
    WHERE documents.tenant_id = tenant AND documents.index_id = index;
    DELETE FROM term_statistics WHERE tenant_id = tenant AND index_id = index AND chunk_set = set_number;
    DELETE FROM term_frequencies WHERE tenant_id = tenant AND index_id = index AND chunk_set = set_number;
    -- Fewer than was said are counted once all the same, or they would be counted again and again.
    IF known = 0 OR known < minimum AND coalesce(said, known) < minimum THEN RETURN known; END IF;
    INSERT INTO term_statistics (tenant_id, index_id, chunk_set, chunks, mean_length, stated)
    VALUES (tenant, index, set_number, known, mean, said);
    IF known < minimum THEN RETURN known; END IF;
    INSERT INTO term_frequencies (tenant_id, index_id, chunk_set, term, chunks)
    SELECT tenant, index, set_number, term, count(*)
    FROM documents JOIN chunks ON chunks.document_id = documents.id AND chunks.chunk_set = set_number
    JOIN chunk_terms ON chunk_terms.chunk_id = chunks.id CROSS JOIN LATERAL unnest(chunk_terms.terms) AS term
    WHERE documents.tenant_id = tenant AND documents.index_id = index
    GROUP BY term HAVING count(*) >= minimum / 20;
    RETURN known;
END $$;
