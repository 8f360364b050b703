DROP TABLE kind_defaults;
