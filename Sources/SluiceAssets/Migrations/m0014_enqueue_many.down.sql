DROP FUNCTION enqueue_many(
    text, jsonb[], text, text[], text, integer, interval, timestamptz, integer, integer, integer, bigint, text
);
