-- The words that chunks of an index have, to be looked up by likeness when a question is misspelt.
-- Locks: SHARE ROW EXCLUSIVE on indexes for milliseconds. Safe on a full database: yes; the next migration fills it for the chunks
-- that are there.
--
-- A word's groups of three letters are pg_trgm's: two blanks before, one behind. They are kept as hashes seeded by tenant and index,
-- as the words of chunks are and for the same reason (m0027): hence word_grams has neither tenant_id nor policy.

CREATE TABLE words (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL,
    index_id bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
    -- As in chunk_terms. Not unique: transactions that meet a new word at the same time do not wait for each other, and each
    -- writes it; statistics.refresh removes the second one.
    term bigint NOT NULL,
    word text NOT NULL
);
-- A term is of one tenant and index by itself.
CREATE INDEX words_term_idx ON words (term);
SELECT sluice_isolate('words');

CREATE TABLE word_grams (
    word_id bigint PRIMARY KEY REFERENCES words ON DELETE CASCADE,
    grams bigint[] NOT NULL
);

CREATE FUNCTION sluice_grams(tenant text, index bigint, word text) RETURNS bigint[] IMMUTABLE LANGUAGE sql AS $$
    SELECT array_agg(DISTINCT hashtextextended(substr('  ' || word || ' ', place, 3), hashtextextended(tenant, index)))
    FROM generate_series(1, length(word) + 1) AS place
$$;

-- sluice_terms, with what each term is the hash of.
CREATE FUNCTION sluice_words(
    tenant text, index bigint, language regconfig, content text,
    OUT length integer, OUT terms bigint[], OUT counts integer[], OUT lexemes text[]
) STABLE LANGUAGE sql AS $$
    SELECT coalesce(sum(n), 0)::integer, coalesce(array_agg(term ORDER BY term), '{}'),
        coalesce(array_agg(n ORDER BY term), '{}'), coalesce(array_agg(lexeme ORDER BY term), '{}')
    FROM (
        SELECT hashtextextended(lexeme, hashtextextended(tenant, index)) AS term, cardinality(positions) AS n, lexeme
        -- A tsvector takes no more than a megabyte.
        FROM unnest(to_tsvector(language, translate(left(content, 250000), '-/', '  ')))
    ) AS words
$$;
CREATE OR REPLACE FUNCTION sluice_terms(
    tenant text, index bigint, language regconfig, content text,
    OUT length integer, OUT terms bigint[], OUT counts integer[]
) STABLE LANGUAGE sql AS $$
    SELECT length, terms, counts FROM sluice_words(tenant, index, language, content)
$$;

-- Numbers and names with digits are left out: another number is not what was meant by one.
CREATE FUNCTION sluice_may_be_meant(lexeme text) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
    SELECT length(lexeme) BETWEEN 4 AND 20 AND lexeme !~ '[0-9[:punct:]]'
$$;

-- Writes those of the words, each given once, that are new. Each is looked for by the index, whatever the table looked like when
-- this was planned.
CREATE FUNCTION sluice_add_words(tenant text, index bigint, terms bigint[], lexemes text[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    WITH fresh AS (
        INSERT INTO words (tenant_id, index_id, term, word)
        SELECT tenant, index, said.term, said.lexeme
        FROM unnest(terms, lexemes) AS said (term, lexeme)
        WHERE sluice_may_be_meant(said.lexeme) AND (
            SELECT true FROM words WHERE tenant_id = tenant AND index_id = index AND words.term = said.term LIMIT 1
        ) IS NULL
        RETURNING id, word
    )
    INSERT INTO word_grams (word_id, grams) SELECT id, sluice_grams(tenant, index, word) FROM fresh;
END $$;
