-- Takes everything that a worker incarnation holds from it: for incarnations that are gone.
-- KEYS    1 held by the worker (set)  2 incarnations that hold ids (set)
-- ARGV    1 the worker
-- returns the ids, in no order
-- clock   none
local ids = redis.call('SMEMBERS', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
return ids
