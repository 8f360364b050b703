--[[ hand_back: give unclaimed ids back to the front of their window, and wake a waiter.
  KEYS[1]  processing list    KEYS[2]  window    KEYS[3]  wake
  ARGV     ids, in the order in which they were fetched
  returns  how many went back; ids that were not in the processing list stay where they are
  clock    none ]]
local count = 0
for index = #ARGV, 1, -1 do
    if redis.call('LREM', KEYS[1], 1, ARGV[index]) == 1 then
        redis.call('LPUSH', KEYS[2], ARGV[index])
        count = count + 1
    end
end
if count > 0 and redis.call('LLEN', KEYS[3]) == 0 then redis.call('LPUSH', KEYS[3], '1') end
return count
