-- When a document's source was last read and found to be what is live. updated_at is no measure: a mere request changes it.
-- Locks: ACCESS EXCLUSIVE on documents for milliseconds, no rewrite. Safe on a full database: yes.

-- NULL: not since this column is there; then the time at which the live version went live counts.
ALTER TABLE documents ADD COLUMN checked_at timestamptz;
