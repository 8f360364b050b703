-- Numbers the requests to ingest a document, so that one made while the source is being read leads to another reading.
-- Locks: ACCESS EXCLUSIVE on three tables for milliseconds, no rewrite. Safe on a full database: yes.

-- How often the document's ingest was asked for.
ALTER TABLE documents ADD COLUMN requested bigint NOT NULL DEFAULT 0;
-- The newest request when the version's source was read.
ALTER TABLE document_versions ADD COLUMN request bigint NOT NULL DEFAULT 0;
-- The request that the batch made.
ALTER TABLE batch_documents ADD COLUMN request bigint NOT NULL DEFAULT 0;
