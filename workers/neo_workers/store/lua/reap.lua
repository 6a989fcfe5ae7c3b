-- ARGV: max attempts, republish ms, reason for a job given up.   Returns the ids to announce to the workers again.
local announce = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASE, '-inf', int(NOW_MS), 'LIMIT', 0, 100)) do
  local key = job_key(id)
  local status, attempt = unpack(redis.call('HMGET', key, 'status', 'attempt'))
  redis.call('ZREM', LEASE, id)
  if status then redis.call('HSET', key, 'fence', next_fence()) end
  if status == 'STOPPING' then
    move(id, 'STOPPED')
  elseif status == 'INPROGRESS' and tonumber(attempt) >= tonumber(ARGV[1]) then
    move(id, 'FAILED')
    redis.call('HSET', key, 'failure_reason', ARGV[3])
  elseif status == 'INPROGRESS' then
    enqueue(id, 0)
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', QUEUE, '-inf', int(NOW_MS - ARGV[2]), 'LIMIT', 0, 100)) do
  if redis.call('EXISTS', job_key(id)) == 1 then
    redis.call('ZADD', QUEUE, int(NOW_MS), id)
    announce[#announce + 1] = id
  else
    redis.call('ZREM', QUEUE, id)
  end
end
return announce
