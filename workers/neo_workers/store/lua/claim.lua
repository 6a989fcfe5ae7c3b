-- ARGV: id, worker, lease ms, least ms in STARTING, republish ms.
-- Returns {fence, attempt, request, fault, ms that earlier attempts ran}, or nil when the job is not there to be had.
local id = ARGV[1]
local key = job_key(id)
if not redis.call('ZSCORE', QUEUE, id) then return nil end
if status_of(id) == 'STARTING' then
  local hold = tonumber(redis.call('HGET', PACE, 'min_starting_ms') or ARGV[4])
  local ready = tonumber(redis.call('HGET', key, 'created_ms')) + hold
  if ready > NOW_MS then
    redis.call('ZADD', QUEUE, int(ready - ARGV[5]), id) -- announced again when it is ready
    return nil
  end
  move(id, 'INPROGRESS')
else
  redis.call('ZREM', QUEUE, id)
end
local fence = next_fence()
local used = redis.call('HGET', key, 'used_ms') or '0'
redis.call('HSET', key, 'fence', fence, 'worker', ARGV[2], 'progress', '', 'claimed_ms', int(NOW_MS), 'used_before_ms', used)
redis.call('ZADD', LEASE, int(NOW_MS + ARGV[3]), id)
local request, fault = unpack(redis.call('HMGET', key, 'request', 'fault'))
return { fence, redis.call('HINCRBY', key, 'attempt', 1), request, fault or '', used }
