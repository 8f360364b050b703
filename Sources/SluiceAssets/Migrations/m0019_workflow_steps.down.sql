DROP FUNCTION sluice_roll_up;
DROP FUNCTION sluice_counted_as;
DROP FUNCTION sluice_edge_verdict;
