-- The words stay; those of headings do no harm.
SELECT 1;
