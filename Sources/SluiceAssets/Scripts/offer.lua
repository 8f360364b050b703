--[[ offer: put ids into a queue's window as far as there is room, and wake waiters.
  KEYS[1]  window, list of ids, oldest first       KEYS[2]  wake, list of markers
  ARGV[1]  limit  the window's length at most      ARGV[2...]  ids
  returns  how many ids were taken
  clock    none ]]
local room = tonumber(ARGV[1]) - redis.call('LLEN', KEYS[1])
local taken = math.max(0, math.min(room, #ARGV - 1))
-- unpack is limited by the C stack: push in slices.
for first = 2, taken + 1, 1000 do
    redis.call('RPUSH', KEYS[1], unpack(ARGV, first, math.min(first + 999, taken + 1)))
end
-- One marker wakes one waiter; more than a few only make idle workers race for the same ids.
local markers = math.min(taken, 16) - redis.call('LLEN', KEYS[2])
for _ = 1, markers do redis.call('LPUSH', KEYS[2], '1') end
return taken
