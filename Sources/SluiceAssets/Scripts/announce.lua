
-- Adds ids straight after their enqueue to a window that is nearly empty, and wakes waiters. What does not fit is the
-- relay's, which is called: it chooses fairly.
-- KEYS    1 window (list)  2 wake (list)  3 gate: while it exists nothing is taken  4 calls for the relay (list)
-- ARGV    1 most ids that the window may hold  2 most markers  3 how many ids there are in all  4... ids, first to run first
-- returns how many ids were taken, the first ones
-- clock   none
local taken = 0
if redis.call('EXISTS', KEYS[3]) == 0 then
  local room = math.max(0, tonumber(ARGV[1]) - redis.call('LLEN', KEYS[1]))
  taken = math.min(room, #ARGV - 3)
  -- In slices: Lua's stack holds some 8,000 values.
  for start = 4, 3 + taken, 1000 do
    redis.call('RPUSH', KEYS[1], unpack(ARGV, start, math.min(start + 999, 3 + taken)))
  end
  set_markers(KEYS[1], KEYS[2], ARGV[2])
end
-- One call is enough, however many enqueue before the relay comes.
if taken < tonumber(ARGV[3]) and redis.call('LLEN', KEYS[4]) == 0 then redis.call('RPUSH', KEYS[4], '1') end
return taken
