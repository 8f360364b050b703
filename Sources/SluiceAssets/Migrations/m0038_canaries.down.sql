-- Ends all canaries.
DROP TABLE canary_counts;
DROP TABLE index_canaries;
