-- ARGV: id, worker, lease ms.   Returns {fence, attempt, request}, or nil when the job is not there to be had.
local id = ARGV[1]
local key = job_key(id)
if not redis.call('ZSCORE', QUEUE, id) then return nil end
if status_of(id) == 'STARTING' then move(id, 'INPROGRESS') else redis.call('ZREM', QUEUE, id) end
local fence = next_fence()
redis.call('HSET', key, 'fence', fence, 'worker', ARGV[2], 'progress', '')
redis.call('ZADD', LEASE, int(NOW_MS + ARGV[3]), id)
return { fence, redis.call('HINCRBY', key, 'attempt', 1), redis.call('HGET', key, 'request') }
