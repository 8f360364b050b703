DROP TABLE batch_documents;
DROP TABLE staged_chunks;
DROP TABLE document_versions;
DROP TABLE documents;
