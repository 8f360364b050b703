-- Which transactions may not have seen an erasure: requested_in alone is too low. It is the request's own number, and others that
-- begin before its commit have higher ones.
-- Locks: ACCESS EXCLUSIVE on erasures for milliseconds, no rewrite. Safe on a full database: yes.

-- All of them are below this. Noted after the commit, once no snapshot from before it is held any more.
ALTER TABLE erasures ADD COLUMN horizon xid8;
