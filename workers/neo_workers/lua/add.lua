-- ARGV: id, token, request, [tag key, tag value]...   Returns 1, or 0 when the name is taken.
-- The token makes a second try of the same call, after its answer was lost, come out like the first.
local id = ARGV[1]
local key, scope, name = job_key(id), split(id)
if redis.call('EXISTS', key) == 1 then return redis.call('HGET', key, 'token') == ARGV[2] and 1 or 0 end
local created = int(NOW_MS)
redis.call('HSET', key, 'token', ARGV[2], 'request', ARGV[3], 'status', 'STARTING', 'fence', next_fence(), 'attempt', 0,
  'created_ms', created, 'modified_ms', int(stamp_ms(NOW_MS)))
redis.call('ZADD', created_key(scope), created, name)
redis.call('ZADD', name_key(scope), 0, name)
redis.call('ZADD', status_key(scope, 'STARTING'), created, name)
redis.call('DEL', 'neo:history:' .. id, 'neo:tags:' .. id)
redis.call('RPUSH', 'neo:history:' .. id, 'STARTING')
for i = 4, #ARGV, 2 do redis.call('HSET', 'neo:tags:' .. id, ARGV[i], ARGV[i + 1]) end
enqueue(id, NOW_MS)
return 1
