DROP INDEX word_grams_idx;
CREATE OR REPLACE FUNCTION sluice_move_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE chunk_terms SET length = words.length, terms = words.terms, counts = words.counts
    FROM documents JOIN indexes ON indexes.id = documents.index_id
    CROSS JOIN LATERAL sluice_terms(
        NEW.tenant_id, indexes.id, indexes.language::regconfig, concat_ws(E'\n', VARIADIC NEW.heading_path || NEW.text)
    ) AS words
    WHERE documents.id = NEW.document_id AND chunk_terms.chunk_id = NEW.id;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION sluice_add_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chunk_terms (chunk_id, length, terms, counts)
    SELECT added.id, words.length, words.terms, words.counts
    FROM added JOIN documents ON documents.id = added.document_id JOIN indexes ON indexes.id = documents.index_id
    CROSS JOIN LATERAL sluice_terms(
        added.tenant_id, indexes.id, indexes.language::regconfig, concat_ws(E'\n', VARIADIC added.heading_path || added.text)
    ) AS words;
    RETURN NULL;
END $$;
DELETE FROM words;
