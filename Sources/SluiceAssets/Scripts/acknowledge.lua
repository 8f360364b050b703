-- Forgets ids that a worker incarnation has claimed or dropped.
-- KEYS    1 held by the worker (set)  2 incarnations that hold ids (set)
-- ARGV    1 the worker  2... ids
-- returns how many of them were held
-- clock   none
local forgotten = 0
for start = 2, #ARGV, 1000 do
  forgotten = forgotten + redis.call('SREM', KEYS[1], unpack(ARGV, start, math.min(start + 999, #ARGV)))
end
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[1]) end
return forgotten
