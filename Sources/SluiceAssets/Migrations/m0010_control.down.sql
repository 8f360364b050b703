ALTER TABLE workers DROP COLUMN lost_with, DROP COLUMN request;
ALTER TABLE dead_letters DROP COLUMN quarantined;
ALTER TABLE tasks DROP COLUMN solo_crashes, DROP COLUMN suspect, DROP COLUMN progress_at,
    DROP COLUMN progress_message, DROP COLUMN progress_total, DROP COLUMN progress_done, DROP COLUMN progress_token,
    DROP COLUMN cancel_reason;
