DROP FUNCTION sluice_grant_enqueue(regrole);
