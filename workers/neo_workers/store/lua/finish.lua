-- ARGV: id, fence, status, [field, value]...   Returns the terminal status written, or nil when the caller lost the job.
-- A job being stopped ends STOPPED, whatever its compiler came to, and keeps none of the fields.
local id = ARGV[1]
local status, fence = unpack(redis.call('HMGET', job_key(id), 'status', 'fence'))
-- our own earlier try got through and only its answer was lost
if status and fence == ARGV[2] and next(NEXT[status]) == nil then return status end
if not holds(id, ARGV[2]) then return nil end
if status == 'STOPPING' then
  move(id, 'STOPPED')
  return 'STOPPED'
end
if not move(id, ARGV[3]) then return nil end
for i = 4, #ARGV, 2 do redis.call('HSET', job_key(id), ARGV[i], ARGV[i + 1]) end
local uri = redis.call('HGET', job_key(id), 'artifact_uri')
if uri then redis.call('HINCRBY', ARTIFACTS, uri, 1) end
return ARGV[3]
