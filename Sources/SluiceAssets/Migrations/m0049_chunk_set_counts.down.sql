DROP FUNCTION sluice_count_terms(text, bigint, bigint, integer, bigint);
-- Counted anew by the leader; until then when they are asked for.
DELETE FROM term_statistics;
DELETE FROM term_frequencies;
ALTER TABLE term_frequencies DROP CONSTRAINT term_frequencies_pkey, DROP COLUMN chunk_set,
    ADD PRIMARY KEY (tenant_id, index_id, term);
ALTER TABLE term_statistics DROP CONSTRAINT term_statistics_pkey, DROP COLUMN chunk_set, DROP COLUMN stated,
    ADD PRIMARY KEY (tenant_id, index_id);

CREATE FUNCTION sluice_count_terms(tenant text, index bigint, minimum bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    known bigint;
    mean float8;
BEGIN
    SELECT count(*), avg(chunk_terms.length) INTO known, mean
    FROM documents JOIN chunks ON chunks.document_id = documents.id JOIN chunk_terms ON chunk_terms.chunk_id = chunks.id
    WHERE documents.tenant_id = tenant AND documents.index_id = index;
    DELETE FROM term_statistics WHERE tenant_id = tenant AND index_id = index;
    DELETE FROM term_frequencies WHERE tenant_id = tenant AND index_id = index;
    IF known < minimum THEN RETURN known; END IF;
    INSERT INTO term_statistics (tenant_id, index_id, chunks, mean_length) VALUES (tenant, index, known, mean);
    INSERT INTO term_frequencies (tenant_id, index_id, term, chunks)
    SELECT tenant, index, term, count(*)
    FROM documents JOIN chunks ON chunks.document_id = documents.id JOIN chunk_terms ON chunk_terms.chunk_id = chunks.id
    CROSS JOIN LATERAL unnest(chunk_terms.terms) AS term
    WHERE documents.tenant_id = tenant AND documents.index_id = index
    GROUP BY term HAVING count(*) >= minimum / 20;
    RETURN known;
END $$;
