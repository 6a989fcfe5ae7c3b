-- ARGV: id.   Returns the status before the call, or nil when there is no such job. Only terminal jobs go.
local id = ARGV[1]
local scope, name = split(id)
local status = status_of(id)
if status and next(NEXT[status]) == nil then
  redis.call('ZREM', created_key(scope), name)
  redis.call('ZREM', name_key(scope), name)
  redis.call('ZREM', modified_key(scope), name)
  -- the text of all names keeps this one until it is made anew
  if redis.call('STRLEN', names_key(scope)) > 4096 + 128 * redis.call('ZCARD', created_key(scope)) then
    redis.call('DEL', names_key(scope))
  end
  redis.call('ZREM', status_key(scope, status), name)
  local uri = redis.call('HGET', job_key(id), 'artifact_uri')
  if uri and redis.call('HINCRBY', ARTIFACTS, uri, -1) <= 0 then redis.call('HDEL', ARTIFACTS, uri) end
  redis.call('DEL', job_key(id), 'neo:history:' .. id, 'neo:tags:' .. id)
end
return status
