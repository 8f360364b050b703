DROP INDEX dead_letters_version_idx;
