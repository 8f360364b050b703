DROP FUNCTION sluice_advance;
