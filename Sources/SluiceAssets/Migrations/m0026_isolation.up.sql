-- Suspects of crashes run in groups that shrink, instead of one at a time from the first crash on.
-- Locks: ACCESS EXCLUSIVE on tasks for milliseconds, no rewrite. Safe on a full database: yes.

-- While the task is a suspect: how many of them may run in one process with it, itself included.
ALTER TABLE tasks ADD COLUMN isolation_group smallint NOT NULL DEFAULT 1;
