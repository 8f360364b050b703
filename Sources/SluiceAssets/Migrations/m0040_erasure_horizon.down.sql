ALTER TABLE erasures DROP COLUMN horizon;
