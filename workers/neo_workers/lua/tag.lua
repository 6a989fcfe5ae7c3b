-- ARGV: id, 'put' | 'remove', then key, value... or key...   Returns the tags as a flat list, or nil when there is no such job.
local id = ARGV[1]
local key = 'neo:tags:' .. id
if redis.call('EXISTS', job_key(id)) == 0 then return nil end
if ARGV[2] == 'put' then
  for i = 3, #ARGV, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
else
  for i = 3, #ARGV do redis.call('HDEL', key, ARGV[i]) end
end
return redis.call('HGETALL', key)
