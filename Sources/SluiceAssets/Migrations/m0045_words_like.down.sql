DROP FUNCTION sluice_words_like(text, bigint, regconfig, text, float8, integer);
DROP FUNCTION sluice_is_held(bigint);
DROP FUNCTION sluice_terms_of(text, bigint, regconfig, text[]);
