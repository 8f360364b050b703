DROP FUNCTION sluice_add_words(text, bigint, bigint[], text[]);
DROP FUNCTION sluice_may_be_meant(text);
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
DROP FUNCTION sluice_words(text, bigint, regconfig, text);
DROP FUNCTION sluice_grams(text, bigint, text);
DROP TABLE word_grams;
DROP TABLE words;
