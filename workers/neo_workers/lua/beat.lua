-- ARGV: id, fence, lease ms, progress.   Returns the status, or nil when the job belongs to someone else by now.
local id = ARGV[1]
if not holds(id, ARGV[2]) then return nil end
redis.call('ZADD', LEASE, int(NOW_MS + ARGV[3]), id)
redis.call('HSET', job_key(id), 'progress', ARGV[4])
return status_of(id)
