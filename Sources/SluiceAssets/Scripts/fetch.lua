--[[ fetch: move ids from a queue's window into the list of one worker incarnation.
  KEYS[1]  window, list of ids    KEYS[2]  processing list of the incarnation    KEYS[3]  set of incarnations
  ARGV[1]  wanted, 1 to 1000      ARGV[2]  the incarnation
  returns  the ids
  clock    none ]]
local ids = redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
if #ids == 0 then return ids end
redis.call('LTRIM', KEYS[1], #ids, -1)
redis.call('RPUSH', KEYS[2], unpack(ids))
redis.call('SADD', KEYS[3], ARGV[2])
return ids
