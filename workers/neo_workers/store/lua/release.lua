-- ARGV: id, fence, announce-at ms from now.   Gives a job back unharmed: the attempt is not charged. Returns 1, or 0 when lost.
local id = ARGV[1]
if not holds(id, ARGV[2]) then return 0 end
if status_of(id) == 'STOPPING' then
  move(id, 'STOPPED')
  return 1
end
local before = redis.call('HGET', job_key(id), 'used_before_ms') or '0'
redis.call('HSET', job_key(id), 'fence', next_fence(), 'used_ms', before)
redis.call('HINCRBY', job_key(id), 'attempt', -1)
enqueue(id, NOW_MS + ARGV[3])
return 1
