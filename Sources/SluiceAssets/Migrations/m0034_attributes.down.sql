DROP TRIGGER documents_facets_changed ON documents;
DROP TRIGGER documents_facets ON documents;
DROP FUNCTION sluice_add_facets();
DROP TABLE document_facets;
DROP FUNCTION sluice_document_facets(text, bigint, jsonb, text[], text[]);
DROP FUNCTION sluice_facets_of(text, bigint, text[], text[], text[]);
DROP FUNCTION sluice_facet(text, bigint, text, text, jsonb);
ALTER TABLE documents DROP COLUMN principals, DROP COLUMN tags, DROP COLUMN metadata;
