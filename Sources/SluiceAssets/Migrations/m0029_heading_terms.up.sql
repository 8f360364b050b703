-- The words of a chunk are those of its text and of the headings over it: questions name the chapter as often as the sentence.
-- Locks: SHARE ROW EXCLUSIVE on chunks for milliseconds, once the writers under way have ended. Safe on a full database: yes; the
-- next migration makes the words anew of chunks that are there.

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

-- A chunk that stays may come to stand under other headings; its text never changes.
CREATE FUNCTION sluice_move_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE chunk_terms SET length = words.length, terms = words.terms, counts = words.counts
    FROM documents JOIN indexes ON indexes.id = documents.index_id
    CROSS JOIN LATERAL sluice_terms(
        NEW.tenant_id, indexes.id, indexes.language::regconfig, concat_ws(E'\n', VARIADIC NEW.heading_path || NEW.text)
    ) AS words
    WHERE documents.id = NEW.document_id AND chunk_terms.chunk_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER chunks_terms_moved AFTER UPDATE OF heading_path ON chunks
    FOR EACH ROW WHEN (OLD.heading_path IS DISTINCT FROM NEW.heading_path) EXECUTE FUNCTION sluice_move_terms();
