-- Looking up words. Locks: none. Safe on a full database: yes.
--
-- What is looked for is mostly not there. The planner does not know, and would rather read a table until it has met the first few:
-- hence functions, which can have it told.

-- The terms of single words, for many at once: none of a stop word.
CREATE FUNCTION sluice_terms_of(tenant text, index bigint, language regconfig, words text[]) RETURNS TABLE (word text, term bigint)
STABLE LANGUAGE sql AS $$
    SELECT given.word, hashtextextended(lexeme, hashtextextended(tenant, index))
    FROM unnest(words) AS given (word) CROSS JOIN LATERAL unnest(to_tsvector(language, given.word))
$$;

CREATE FUNCTION sluice_is_held(term bigint) RETURNS boolean STABLE LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    RETURN EXISTS (SELECT FROM chunk_terms WHERE terms @> ARRAY[term]);
END $$;

-- The words of chunks that are like this one, as stems, the most alike first, and how many chunks hold each, counted to a thousand.
--
-- Of a word with n groups a like one has at least t × n, with t the threshold. So it has one of any n + 1 - t × n of them, and the
-- rarest are as good as any. Their hashes are looked up by the index; the words themselves are read under row-level security.
CREATE FUNCTION sluice_words_like(
    tenant text, index bigint, language regconfig, given text, threshold float8, most integer
) RETURNS TABLE (word text, term bigint, likeness float8, chunks bigint)
STABLE LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    lexeme text;
    whole bigint[];
    rare bigint[];
BEGIN
    FOREACH lexeme IN ARRAY (sluice_words(tenant, index, language, given)).lexemes LOOP
        whole := sluice_grams(tenant, index, lexeme);
        rare := ARRAY(
            SELECT gram FROM unnest(whole) AS gram
            ORDER BY (SELECT count(*) FROM (SELECT FROM word_grams WHERE grams @> ARRAY[gram] LIMIT 1000) AS counted)
            LIMIT cardinality(whole) + 1 - ceil(threshold * cardinality(whole))::integer
        );
        RETURN QUERY
        SELECT near.word, near.term, near.likeness, (
            SELECT count(*) FROM (SELECT FROM chunk_terms WHERE terms @> ARRAY[near.term] LIMIT 1000) AS counted
        )
        FROM (
            SELECT words.word, words.term, compared.likeness
            FROM (
                SELECT word_id, shared::float8 / (cardinality(whole) + cardinality(grams) - shared) AS likeness
                FROM (
                    SELECT word_id, grams, (SELECT count(*) FROM unnest(grams) AS gram WHERE gram = ANY (whole)) AS shared
                    -- A bound on the work; even of a million words few groups lead to more.
                    FROM word_grams WHERE grams && rare LIMIT 20000
                ) AS candidates
            ) AS compared JOIN words ON words.id = compared.word_id
            WHERE words.tenant_id = tenant AND words.index_id = index AND compared.likeness >= threshold
            ORDER BY compared.likeness DESC, words.word LIMIT most
        ) AS near;
    END LOOP;
END $$;
