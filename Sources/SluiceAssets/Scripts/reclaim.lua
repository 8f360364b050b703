--[[ reclaim: take all ids of an incarnation that is gone, and forget it.
  KEYS[1]  processing list    KEYS[2]  set of incarnations
  ARGV[1]  the incarnation
  returns  the ids
  clock    none ]]
local ids = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
return ids
