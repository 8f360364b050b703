DROP TABLE attempts;
DROP TABLE tasks;
DROP TABLE batches;
DROP SEQUENCE lease_tokens;
