ALTER TABLE batch_documents DROP COLUMN request;
ALTER TABLE document_versions DROP COLUMN request;
ALTER TABLE documents DROP COLUMN requested;
