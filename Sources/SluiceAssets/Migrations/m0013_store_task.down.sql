DROP FUNCTION sluice_supersede_dead(text, text, text[]);
DROP FUNCTION sluice_store_task(tasks, text);
