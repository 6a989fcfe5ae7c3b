-- ARGV: id, 'put' | 'remove', then key, value... or key...   
-- Returns the tags as a flat list, nil when there is no such job, 0 when it would have more than 50.
local id = ARGV[1]
local key = 'neo:tags:' .. id
if redis.call('EXISTS', job_key(id)) == 0 then return nil end
if ARGV[2] == 'put' then
  local new, seen = redis.call('HLEN', key), {}
  for i = 3, #ARGV, 2 do
    if not seen[ARGV[i]] then new = new + 1 - redis.call('HEXISTS', key, ARGV[i]) end
    seen[ARGV[i]] = true
  end
  if new > 50 then return 0 end
  for i = 3, #ARGV, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
else
  for i = 3, #ARGV do redis.call('HDEL', key, ARGV[i]) end
end
return redis.call('HGETALL', key)
