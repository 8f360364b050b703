DROP INDEX batch_documents_document_idx;
DROP FUNCTION sluice_admit(text[]);
DROP FUNCTION sluice_count_erased(bigint, text, bigint);
DROP TABLE erasures;
