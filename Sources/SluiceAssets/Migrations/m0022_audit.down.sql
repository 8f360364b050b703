DROP INDEX embedding_cache_age_idx;
DROP INDEX document_versions_old_idx;
DROP TABLE audit_events;
