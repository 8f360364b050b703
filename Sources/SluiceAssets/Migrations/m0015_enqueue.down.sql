DROP FUNCTION enqueue(
    text, jsonb, text, text, text, integer, interval, timestamptz, integer, integer, integer, bigint, text
);
DROP FUNCTION sluice_check_task(tasks, jsonb[], text[], text, boolean);
