DROP TRIGGER chunks_terms_moved ON chunks;
DROP FUNCTION sluice_move_terms();
CREATE OR REPLACE FUNCTION sluice_add_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chunk_terms (chunk_id, length, terms, counts)
    SELECT added.id, words.length, words.terms, words.counts
    FROM added JOIN documents ON documents.id = added.document_id JOIN indexes ON indexes.id = documents.index_id
    CROSS JOIN LATERAL sluice_terms(added.tenant_id, indexes.id, indexes.language::regconfig, added.text) AS words;
    RETURN NULL;
END $$;
