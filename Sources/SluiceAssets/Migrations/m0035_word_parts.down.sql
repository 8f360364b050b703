-- The words stay as they are until their chunks change: those of compounds are found by their parts.
CREATE OR REPLACE FUNCTION sluice_terms(
    tenant text, index bigint, language regconfig, content text,
    OUT length integer, OUT terms bigint[], OUT counts integer[]
) STABLE LANGUAGE sql AS $$
    SELECT coalesce(sum(n), 0)::integer, coalesce(array_agg(term ORDER BY term), '{}'),
        coalesce(array_agg(n ORDER BY term), '{}')
    FROM (
        SELECT hashtextextended(lexeme, hashtextextended(tenant, index)) AS term, cardinality(positions) AS n
        FROM unnest(to_tsvector(language, left(content, 250000)))
    ) AS words
$$;
