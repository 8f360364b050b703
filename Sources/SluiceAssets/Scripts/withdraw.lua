
-- Takes ids out of a queue's window, the others stay in their order.
-- KEYS    1 window (list)  2 wake (list)
-- ARGV    1 most markers  2... ids
-- returns how many were taken out, doubles counted
-- clock   none
local unwanted = {}
for index = 2, #ARGV do unwanted[ARGV[index]] = true end
local window = redis.call('LRANGE', KEYS[1], 0, -1)
local kept = {}
for _, id in ipairs(window) do
  if not unwanted[id] then kept[#kept + 1] = id end
end
if #kept < #window then
  redis.call('DEL', KEYS[1])
  for start = 1, #kept, 1000 do
    redis.call('RPUSH', KEYS[1], unpack(kept, start, math.min(start + 999, #kept)))
  end
  set_markers(KEYS[1], KEYS[2], ARGV[1])
end
return #window - #kept
