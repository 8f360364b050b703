-- The words of chunks, for lexical search.
-- Locks: ACCESS EXCLUSIVE on indexes, SHARE ROW EXCLUSIVE on chunks: milliseconds, once the writers under way have ended.
-- Safe on a full database: yes; the next migration fills it for the chunks that are there.
--
-- Words are kept as 64-bit hashes, seeded by tenant and index: a question can only ever meet rows of its own tenant. That is why
-- chunk_terms has no tenant_id and no policy of its own. (Under row-level security PostgreSQL never uses a GIN index, whose
-- operators are not leakproof.) What is found there is joined with tables that have one.

-- The text search configuration for the words of chunks and of questions. Changing it wants all rows of chunk_terms made anew.
ALTER TABLE indexes ADD COLUMN language text NOT NULL DEFAULT 'english';

CREATE TABLE chunk_terms (
    chunk_id bigint PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    -- Words in the chunk that are no stop words.
    length integer NOT NULL,
    -- Distinct and ascending, and how often each occurs.
    terms bigint[] NOT NULL,
    counts integer[] NOT NULL
);

-- What does not change with a chunk more or less is counted now and then, for tenants with many chunks only: see
-- sluice_count_terms. Everything else is counted when it is asked for.
CREATE TABLE term_statistics (
    tenant_id text NOT NULL,
    index_id bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
    chunks bigint NOT NULL,
    mean_length float8 NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, index_id)
);
SELECT sluice_isolate('term_statistics');

CREATE TABLE term_frequencies (
    tenant_id text NOT NULL,
    index_id bigint NOT NULL REFERENCES indexes ON DELETE CASCADE,
    term bigint NOT NULL,
    -- Chunks that hold it.
    chunks bigint NOT NULL,
    PRIMARY KEY (tenant_id, index_id, term)
);
SELECT sluice_isolate('term_frequencies');

CREATE FUNCTION sluice_terms(
    tenant text, index bigint, language regconfig, content text,
    OUT length integer, OUT terms bigint[], OUT counts integer[]
) STABLE LANGUAGE sql AS $$
    SELECT coalesce(sum(n), 0)::integer, coalesce(array_agg(term ORDER BY term), '{}'),
        coalesce(array_agg(n ORDER BY term), '{}')
    FROM (
        SELECT hashtextextended(lexeme, hashtextextended(tenant, index)) AS term, cardinality(positions) AS n
        -- A tsvector takes no more than a megabyte.
        FROM unnest(to_tsvector(language, left(content, 250000)))
    ) AS words
$$;

-- In the transaction that adds the chunks, whoever adds them.
CREATE FUNCTION sluice_add_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chunk_terms (chunk_id, length, terms, counts)
    SELECT added.id, words.length, words.terms, words.counts
    FROM added JOIN documents ON documents.id = added.document_id JOIN indexes ON indexes.id = documents.index_id
    CROSS JOIN LATERAL sluice_terms(added.tenant_id, indexes.id, indexes.language::regconfig, added.text) AS words;
    RETURN NULL;
END $$;
CREATE TRIGGER chunks_terms AFTER INSERT ON chunks REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION sluice_add_terms();
