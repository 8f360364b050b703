ALTER TABLE tasks DROP COLUMN isolation_group;
