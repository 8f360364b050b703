-- Stands before every script that changes a window.
--
-- Waiters block on the marker list of a queue. It holds min(cap, ids in the window) markers after every script, so:
-- ids never lie in a window without a marker for someone who waits, one who wakes and leaves ids behind wakes the next,
-- and an empty window wakes nobody. The cap keeps a large offer from waking the whole fleet at once.
-- No clock, no random numbers.
local function set_markers(window, wake, cap)
  local left = redis.call('LLEN', window)
  local wanted = math.min(tonumber(cap), left)
  local present = redis.call('LLEN', wake)
  if wanted == 0 then
    if present > 0 then redis.call('DEL', wake) end
  elseif present > wanted then
    redis.call('LTRIM', wake, 0, wanted - 1)
  else
    for _ = present + 1, wanted do redis.call('RPUSH', wake, '1') end
  end
  return left
end

