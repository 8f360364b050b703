DROP TRIGGER close_batch ON batches;
DROP FUNCTION sluice_close_batch;
DROP TABLE workflow_edges;
DROP TABLE workflow_nodes;
ALTER TABLE batches DROP COLUMN parent_id, DROP COLUMN root_id, DROP COLUMN on_dead, DROP COLUMN is_workflow,
    DROP COLUMN skipped, DROP COLUMN outcome, DROP COLUMN cancel_requested_at;
