-- ARGV: id, fence, lease ms, progress, '' or the address the caller uploads to from now on.
-- Returns the status, or nil when the job belongs to someone else by now.
local id = ARGV[1]
if not holds(id, ARGV[2]) then return nil end
redis.call('ZADD', LEASE, int(NOW_MS + ARGV[3]), id)
redis.call('HSET', job_key(id), 'progress', ARGV[4])
local status = status_of(id)
if ARGV[5] ~= '' and status == 'INPROGRESS' then
  local before = redis.call('HGET', job_key(id), 'uploaders') or ''
  redis.call('HSET', job_key(id), 'upload_uri', ARGV[5], 'uploaders', before .. ' ' .. ARGV[2])
end
return status
