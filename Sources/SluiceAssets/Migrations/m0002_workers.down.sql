DROP TABLE leader;
DROP TABLE workers;
