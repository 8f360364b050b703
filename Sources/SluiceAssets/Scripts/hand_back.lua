-- Gives ids that a worker incarnation holds back to the head of their window, and wakes waiters.
-- KEYS    1 window (list)  2 wake (list)  3 held by the worker (set)  4 incarnations that hold ids (set)
-- ARGV    1 most markers  2 the worker  3... ids, first to run first
-- returns how many ids went back; those that the worker no longer holds are with someone else
-- clock   none
local returned = 0
for index = #ARGV, 3, -1 do
  if redis.call('SREM', KEYS[3], ARGV[index]) == 1 then
    redis.call('LPUSH', KEYS[1], ARGV[index])
    returned = returned + 1
  end
end
if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('SREM', KEYS[4], ARGV[2]) end
set_markers(KEYS[1], KEYS[2], ARGV[1])
return returned
