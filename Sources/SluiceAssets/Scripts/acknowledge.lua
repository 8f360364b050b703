--[[ acknowledge: forget ids of a processing list.
  KEYS[1]  processing list
  ARGV     ids; in the order in which they were fetched each is found at the head
  returns  how many were there
  clock    none ]]
local count = 0
for index = 1, #ARGV do count = count + redis.call('LREM', KEYS[1], 1, ARGV[index]) end
return count
