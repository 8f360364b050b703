-- Moves ids from the head of a queue's window to what a worker incarnation holds.
-- KEYS    1 window (list)  2 wake (list)  3 held by the worker (set)  4 incarnations that hold ids (set)
-- ARGV    1 most ids to move, at least 1  2 most markers  3 the worker
-- returns the ids, first to run first
-- clock   none
--
-- LPOP comes before every write that memory can be refused for: a server at maxmemory still lets its windows drain.
local ids = redis.call('LPOP', KEYS[1], ARGV[1])
if ids then
  for start = 1, #ids, 1000 do
    redis.call('SADD', KEYS[3], unpack(ids, start, math.min(start + 999, #ids)))
  end
  redis.call('SADD', KEYS[4], ARGV[3])
end
set_markers(KEYS[1], KEYS[2], ARGV[2])
return ids or {}
