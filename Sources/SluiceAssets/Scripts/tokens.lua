-- Takes tokens from buckets, or puts them back. A bucket that does not exist is full; one that is full may vanish.
-- KEYS    buckets (hashes: tokens, at)
-- ARGV    for each bucket: tokens that come in a second, tokens that it holds at most, tokens wanted (below 0: put back)
-- returns for each bucket how many were taken
-- clock   the server's TIME
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local taken = {}
for index, key in ipairs(KEYS) do
  local rate = tonumber(ARGV[index * 3 - 2])
  local burst = tonumber(ARGV[index * 3 - 1])
  local wanted = tonumber(ARGV[index * 3])
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = tonumber(bucket[1]) or burst
  -- A clock that was set back must not stop the flow.
  local elapsed = math.max(0, now - (tonumber(bucket[2]) or now))
  tokens = math.min(burst, tokens + elapsed * rate)
  taken[index] = math.max(math.min(wanted, math.floor(tokens)), math.min(wanted, 0))
  tokens = math.min(burst, tokens - taken[index])
  redis.call('HSET', key, 'tokens', string.format('%.17g', tokens), 'at', string.format('%.17g', now))
  redis.call('PEXPIRE', key, math.ceil((burst - tokens) / rate * 1000) + 1000)
end
return taken
