ALTER TABLE documents DROP COLUMN checked_at;
