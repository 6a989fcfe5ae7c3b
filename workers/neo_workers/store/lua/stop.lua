-- ARGV: id.   Returns the status before the call, or nil when there is no such job.
-- A job that no worker holds is left to the reaper, with a lease that has run out.
local id = ARGV[1]
local before = status_of(id)
if before and move(id, 'STOPPING') and not redis.call('ZSCORE', LEASE, id) then
  redis.call('ZADD', LEASE, int(NOW_MS), id)
end
return before
