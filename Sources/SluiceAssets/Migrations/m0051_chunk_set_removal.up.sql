-- How far the removal of a chunk set has come.
-- Locks: ACCESS EXCLUSIVE on chunk_sets for milliseconds; a constant default, no rewrite. Safe on a full database: yes.

-- Documents up to this id have no chunks in the set any more; it means something once no version reads the set.
ALTER TABLE chunk_sets ADD COLUMN removed_to bigint NOT NULL DEFAULT 0;
