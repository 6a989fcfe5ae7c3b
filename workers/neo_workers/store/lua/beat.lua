-- ARGV: id, fence, lease ms, progress, '' or the address the caller uploads to from now on.
-- Returns the status, or nil when the job belongs to someone else by now.
local id = ARGV[1]
if not holds(id, ARGV[2]) then return nil end
redis.call('ZADD', LEASE, int(NOW_MS + ARGV[3]), id)
local before, since = unpack(redis.call('HMGET', job_key(id), 'used_before_ms', 'claimed_ms'))
redis.call('HSET', job_key(id), 'progress', ARGV[4], 'used_ms', int((before or 0) + NOW_MS - (since or NOW_MS)))
local status = status_of(id)
if ARGV[5] ~= '' and status == 'INPROGRESS' then
  local others = redis.call('HGET', job_key(id), 'uploaders') or ''
  redis.call('HSET', job_key(id), 'upload_uri', ARGV[5], 'uploaders', others .. ' ' .. ARGV[2])
end
return status
