-- The words of headings, for the chunks that were there before.
-- Locks: FOR SHARE on the chunks under headings: ingests that change or remove them wait until this commits; searches do not. On a
-- full database about a minute for 100,000 such chunks: apply it with few ingests under way.

UPDATE chunk_terms SET length = words.length, terms = words.terms, counts = words.counts
FROM (SELECT id, tenant_id, document_id, heading_path, text FROM chunks WHERE heading_path <> '{}' FOR SHARE) AS present
JOIN documents ON documents.id = present.document_id JOIN indexes ON indexes.id = documents.index_id
CROSS JOIN LATERAL sluice_terms(
    present.tenant_id, indexes.id, indexes.language::regconfig, concat_ws(E'\n', VARIADIC present.heading_path || present.text)
) AS words
WHERE chunk_terms.chunk_id = present.id;
