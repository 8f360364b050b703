-- Words of other sets than the first go with their sets, which must be gone (m0047); what is left of them has no use.
DELETE FROM words WHERE NOT EXISTS (SELECT FROM indexes WHERE indexes.id = words.index_id);
ALTER TABLE words ADD FOREIGN KEY (index_id) REFERENCES indexes ON DELETE CASCADE;

CREATE OR REPLACE FUNCTION sluice_add_terms() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    indexes_met bigint;
BEGIN
    WITH read AS MATERIALIZED (
        SELECT added.id, added.tenant_id, indexes.id AS index_id, words.*
        FROM added JOIN documents ON documents.id = added.document_id JOIN indexes ON indexes.id = documents.index_id
        CROSS JOIN LATERAL sluice_words(
            added.tenant_id, indexes.id, indexes.language::regconfig, concat_ws(E'\n', VARIADIC added.heading_path || added.text)
        ) AS words
    ), kept AS (
        INSERT INTO chunk_terms (chunk_id, length, terms, counts) SELECT id, length, terms, counts FROM read
    ), said AS (
        SELECT DISTINCT tenant_id, index_id, term, lexeme FROM read CROSS JOIN LATERAL unnest(terms, lexemes) AS held (term, lexeme)
    )
    SELECT count(*) INTO indexes_met
    FROM (
        SELECT tenant_id, index_id, array_agg(term) AS terms, array_agg(lexeme) AS lexemes FROM said GROUP BY tenant_id, index_id
    ) AS said CROSS JOIN LATERAL sluice_add_words(tenant_id, index_id, terms, lexemes);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION sluice_move_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE chunk_terms SET length = words.length, terms = words.terms, counts = words.counts
    FROM documents JOIN indexes ON indexes.id = documents.index_id
    CROSS JOIN LATERAL sluice_terms(
        NEW.tenant_id, indexes.id, indexes.language::regconfig, concat_ws(E'\n', VARIADIC NEW.heading_path || NEW.text)
    ) AS words
    WHERE documents.id = NEW.document_id AND chunk_terms.chunk_id = NEW.id;
    -- The words of its text are known.
    PERFORM sluice_add_words(NEW.tenant_id, indexes.id, words.terms, words.lexemes)
    FROM documents JOIN indexes ON indexes.id = documents.index_id
    CROSS JOIN LATERAL sluice_words(
        NEW.tenant_id, indexes.id, indexes.language::regconfig, concat_ws(E'\n', VARIADIC NEW.heading_path)
    ) AS words
    WHERE documents.id = NEW.document_id;
    RETURN NULL;
END $$;
