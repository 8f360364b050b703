-- Loses thresholds, golden queries and all runs of gates.
DROP TABLE golden_relevant;
DROP TABLE golden_queries;
DROP TABLE golden_sets;
DROP TABLE gate_results;
DROP TABLE gate_runs;
DROP TABLE gate_thresholds;
DELETE FROM kind_defaults WHERE kind = 'index.verify';
ALTER TABLE indexes DROP COLUMN golden_revision;
