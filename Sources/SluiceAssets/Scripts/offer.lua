-- Adds ids to the end of a queue's window, as many as fit, and wakes waiters.
-- KEYS    1 window (list)  2 wake (list)
-- ARGV    1 most ids that the window may hold  2 most markers  3... ids, first to run first
-- returns how many ids were taken, the first ones
-- clock   none
local room = math.max(0, tonumber(ARGV[1]) - redis.call('LLEN', KEYS[1]))
local taken = math.min(room, #ARGV - 2)
-- In slices: Lua's stack holds some 8,000 values.
for start = 3, 2 + taken, 1000 do
  redis.call('RPUSH', KEYS[1], unpack(ARGV, start, math.min(start + 999, 2 + taken)))
end
set_markers(KEYS[1], KEYS[2], ARGV[2])
return taken
