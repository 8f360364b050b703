-- Words joined by a hyphen or a slash are their parts, no more. PostgreSQL's parser takes them as the whole and each part, which lets
-- one compound count as three words; and "IL-6" as a word and the number -6, "CD4/CD8" as the name of a file.
-- Locks: FOR KEY SHARE on the chunks, ROW EXCLUSIVE on chunk_terms: ingests that change or remove chunks wait until this commits;
-- searches do not. On a full database about a minute for 100,000 chunks: apply it with few ingests under way.

CREATE OR REPLACE FUNCTION sluice_terms(
    tenant text, index bigint, language regconfig, content text,
    OUT length integer, OUT terms bigint[], OUT counts integer[]
) STABLE LANGUAGE sql AS $$
    SELECT coalesce(sum(n), 0)::integer, coalesce(array_agg(term ORDER BY term), '{}'),
        coalesce(array_agg(n ORDER BY term), '{}')
    FROM (
        SELECT hashtextextended(lexeme, hashtextextended(tenant, index)) AS term, cardinality(positions) AS n
        -- A tsvector takes no more than a megabyte.
        FROM unnest(to_tsvector(language, translate(left(content, 250000), '-/', '  ')))
    ) AS words
$$;

UPDATE chunk_terms SET length = words.length, terms = words.terms, counts = words.counts
FROM (SELECT id, tenant_id, document_id, heading_path, text FROM chunks FOR KEY SHARE) AS present
JOIN documents ON documents.id = present.document_id JOIN indexes ON indexes.id = documents.index_id
CROSS JOIN LATERAL sluice_terms(
    present.tenant_id, indexes.id, indexes.language::regconfig, concat_ws(E'\n', VARIADIC present.heading_path || present.text)
) AS words
WHERE chunk_terms.chunk_id = present.id;
-- Counted anew by the leader; until then when they are asked for.
DELETE FROM term_statistics;
DELETE FROM term_frequencies;
