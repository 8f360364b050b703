DROP TABLE dead_letters;
DROP FUNCTION sluice_add_archive_day(date);
DROP TABLE tasks_archive;
