-- Finds the dead windows of a document version, for when a newer version takes its place.
-- Locks: SHARE on dead_letters while it is read once. Safe on a full database: yes.

CREATE INDEX dead_letters_version_idx ON dead_letters (((payload ->> 'version')::bigint)) WHERE kind = 'chunks.embed';
