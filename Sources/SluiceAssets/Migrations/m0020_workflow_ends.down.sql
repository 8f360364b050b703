DROP TRIGGER batch_changed ON batches;
DROP FUNCTION sluice_batch_changed;
DROP TRIGGER node_changed ON workflow_nodes;
DROP FUNCTION sluice_node_changed;
DROP FUNCTION sluice_drop_nodes;
